/** `itera id`: makes an ID, or explains one. */
import { createIdGenerator, type Environment } from "../core/id.ts";
import { readSetting } from "../runtimes/node/config.ts";
import { UsageError, type Command } from "./command.ts";
import type { Output } from "./output.ts";

const NAMES: Record<Environment, string> = { P: "production", S: "staging", D: "development" };

/** The command. It needs no database. */
export const idCommand: Command = {
  name: "id",
  summary: "Make a conversation ID, or explain one",
  words: "[ID]",
  wordCount: [0, 1],
  options: { environment: { value: "NAME", about: "For a new ID: production, staging or development (default: the configured one)" } },
  examples: [
    ["itera id", "prints a new ID"],
    ["itera id --environment production", "prints a new ID that ends in P"],
    ["itera id ITERA_20250125_143052_A7B9X2M8P4Q1_P", "says when and where that conversation began"],
  ],
  async run(input, output) {
    const ids = createIdGenerator({ prefix: readSetting("idPrefix") });
    const [given] = input.words;
    if (given !== undefined) {
      if (input.has("environment")) throw new UsageError("--environment is for a new ID; leave it out to explain one");
      return explain(given, ids, output);
    }
    const name =
      input.text("environment") ?? readSetting("environment") ?? (process.env["NODE_ENV"] === "production" ? "production" : "development");
    const letter = (Object.keys(NAMES) as Environment[]).find((each) => [each.toLowerCase(), NAMES[each]].includes(name.toLowerCase()));
    if (letter === undefined) throw new UsageError("--environment must be production, staging or development");
    const id = ids.generate(letter);
    await (output.json ? output.object({ success: true, data: { id } }) : output.line(id));
  },
};

async function explain(given: string, ids: ReturnType<typeof createIdGenerator>, output: Output): Promise<void> {
  if (!ids.validate(given)) {
    throw new UsageError(
      "This is no conversation ID",
      `One looks like ${ids.generate("P")}: prefix, UTC date, UTC time, 12 characters of A-Z0-9, and P, S or D.`,
    );
  }
  const { prefix, date, time, random, environment, timestamp } = ids.parse(given);
  const created = timestamp.toISOString();
  if (output.json) return output.object({ success: true, data: { id: given, prefix, date, time, random, environment, created } });
  const local = timestamp.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  const rows = [
    ["prefix", prefix],
    ["date", `${date} (UTC)`],
    ["time", `${time} (UTC)`],
    ["random", random],
    ["environment", `${environment} (${NAMES[environment]})`],
    ["created", created],
    ["here", local],
  ];
  for (const [name, value] of rows) await output.line(`${output.dim(name!.padEnd(11))}  ${value}`);
}
