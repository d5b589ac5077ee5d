/** An event of a life on one line. */
import type { Json } from "../core/json.ts";
import { oneLine } from "./terminal-text.ts";

/** `archived  reason: resolved`: its name, padded, and what is known of it. */
export function eventText(name: string, details: Readonly<Record<string, Json>>): string {
  const known = Object.entries(details).filter(([, value]) => value !== null);
  const said = known.map(([key, value]) => `${oneLine(key)}: ${oneLine(typeof value === "string" ? value : JSON.stringify(value))}`);
  return `${oneLine(name).padEnd(11)}  ${said.join(", ")}`.trimEnd();
}
