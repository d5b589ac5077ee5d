/** From what was typed after a command's name to its input. */
import { parseArgs } from "node:util";
import { UsageError, type Command, type Input, type Option } from "./command.ts";
import { nearest } from "./nearest.ts";

/** Options that every command has. */
export const COMMON_OPTIONS = {
  json: { about: "Answer in JSON, as the API does" },
  help: { about: "Show this help" },
} as const;

/** Reads the arguments of a command. Throws `UsageError` for what the command does not know. */
export function parseInput(command: Command, given: readonly string[]): Input {
  const options: Readonly<Record<string, Option>> = { ...command.options, ...COMMON_OPTIONS };
  const see = `See: itera ${command.name} --help`;
  const { tokens } = parseArgs({
    args: [...given],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", ...(short !== undefined && { short }) },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const words: string[] = [];
  const texts = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined || rawName === `-${name}`) {
      const near = nearest(name, Object.keys(options));
      throw new UsageError(`${rawName} is no option of itera ${command.name}`, near === undefined ? see : `Did you mean --${near}? ${see}`);
    }
    const takesText = option.value !== undefined;
    if (takesText && (value === undefined || (value.startsWith("--") && !token.inlineValue)))
      throw new UsageError(`${rawName} needs a value`, see);
    if (!takesText && value !== undefined) throw new UsageError(`--${name} takes no value`, see);
    const before = texts.get(name) ?? [];
    if (before.length > 0 && option.many !== true) throw new UsageError(`--${name} is there twice`, see);
    texts.set(name, [...before, value ?? ""]);
  }
  const [least, most] = command.wordCount;
  if (!texts.has("help")) {
    if (words.length < least) throw new UsageError(`itera ${command.name} needs ${command.words}`, see);
    if (words.length > most) throw new UsageError(`itera ${command.name} does not take ${JSON.stringify(words[most])}`, see);
  }
  return {
    words,
    text: (name) => texts.get(name)?.at(-1),
    texts: (name) => texts.get(name) ?? [],
    has: (name) => texts.has(name),
    number(name, from) {
      const text = texts.get(name)?.at(-1);
      if (text === undefined) return undefined;
      const value = Number(text);
      if (!/^\d{1,15}$/.test(text) || value < from) throw new UsageError(`--${name} must be a whole number of at least ${from}`, see);
      return value;
    },
  };
}
