/** The help texts, made from the commands. */
import type { Command, Option } from "./command.ts";
import { COMMON_OPTIONS } from "./parse-input.ts";

function columns(rows: readonly (readonly [string, string])[], indent = "  "): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${indent}${left.padEnd(width)}  ${right}`).join("\n");
}

/** The help of `itera` itself. */
export function overview(commands: readonly Command[]): string {
  return `itera: the conversations of a chatbot, from the command line

Usage: itera <command> [options]

Commands:
${columns(commands.map(({ name, words, summary }) => [`${name} ${words}`.trim(), summary]))}

Options:
${columns([
  ["--json", COMMON_OPTIONS.json.about],
  ["--help", "Show this help; after a command, that command's"],
  ["--version", "Show the version"],
])}

Configuration is read from the environment and from .env in the working directory.
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not found or gone, 4 refused, 5 store unreachable.
`;
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const options = Object.entries<Option>({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, { value, short, about }]): [string, string] => [
      `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
      about,
    ],
  );
  return `${command.summary}

Usage: itera ${[command.name, command.words, "[options]"].filter(Boolean).join(" ")}

Options:
${columns(options)}

Examples:
${command.examples.map(([line, about]) => `  ${line}\n      ${about}`).join("\n")}
`;
}
