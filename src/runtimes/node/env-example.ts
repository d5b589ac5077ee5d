/** The text of `.env.example`, made from the table of settings. */
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

const HEAD = `# Configuration of itera-conversations. Copy this file to .env and change what you need.
# Variables of the environment win over this file; an empty one counts as unset.
`;

function entry({ name, about, default: usual, example }: Setting<unknown>): string {
  const value = example === "" ? "" : (usual ?? "");
  const notes = [
    `# ${about}`,
    ...(value === "" && usual ? [`# Default: ${usual}`] : []),
    ...(value === "" && example ? [`# For example: ${example}`] : []),
  ];
  return `${notes.join("\n")}\n${name}=${value}\n`;
}

/** All variables in the table's order, each with its default. As `.env` it changes nothing. */
export function envExample(): string {
  return [HEAD, ...Object.values(SETTINGS).map((setting) => entry(setting as Setting<unknown>))].join("\n");
}
