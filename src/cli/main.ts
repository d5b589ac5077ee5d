/** The command `itera`: finds the command, runs it, and exits with its code. */
import type { Command } from "./command.ts";
import { UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { report } from "./exit-code.ts";
import { commandHelp, overview } from "./help.ts";
import { nearest } from "./nearest.ts";
import { processOutput } from "./output.ts";
import { parseInput } from "./parse-input.ts";
import { packageVersion } from "../runtimes/node/version.ts";

async function load(name: string): Promise<Command> {
  const known = COMMANDS.find((each) => each.name === name);
  if (known) return known.load();
  const near = nearest(
    name,
    COMMANDS.map((each) => each.name),
  );
  throw new UsageError(
    `There is no command ${JSON.stringify(name)}`,
    `${near === undefined ? "" : `Did you mean "itera ${near}"? `}See: itera --help`,
  );
}

async function run(given: readonly string[]): Promise<number> {
  // What stands before a "--" decides how failures are told, even those of the parsing itself.
  const json = given.slice(0, given.includes("--") ? given.indexOf("--") : undefined).includes("--json");
  const output = processOutput(json);
  try {
    const [name, ...rest] = given[0] === "--json" ? given.slice(1) : given;
    if (name === "--version") {
      await output.line(packageVersion());
      return 0;
    }
    if (name === undefined || name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
      await output.line(overview(await Promise.all(COMMANDS.map((each) => each.load()))).trimEnd());
      return name === undefined ? 2 : 0;
    }
    if (name.startsWith("-")) throw new UsageError(`${name} is no option of itera`, "See: itera --help");
    const command = await load(name === "help" ? rest[0]! : name);
    const input = name === "help" ? null : parseInput(command, rest);
    if (input === null || input.has("help")) {
      await output.line(commandHelp(command).trimEnd());
      return 0;
    }
    return (await command.run(input, output)) ?? 0;
  } catch (error) {
    return report(error, output);
  }
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader has had enough, as `head` has.
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2));
