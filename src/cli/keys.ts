/** `itera keys`: makes, lists, rotates and revokes API keys. */
import type { ApiKey, KeyScope } from "../runtimes/node/key-work.ts";
import { readConfig } from "../runtimes/node/config.ts";
import { UsageError, type Command, type Input } from "./command.ts";
import type { Output } from "./output.ts";
import { utcTime } from "./utc-time.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const VERBS = ["list", "create", "rotate", "revoke"];

const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** A key as the API shows it. */
function shown({ created, expiresAt, revokedAt, lastUsed, ...rest }: ApiKey): object {
  return { ...rest, created: iso(created), expiresAt: iso(expiresAt), revokedAt: iso(revokedAt), lastUsed: iso(lastUsed) };
}

/** What a person wants to know of a key, in a line. */
function described({ revokedAt, expiresAt, lastUsed, replacedBy, configured, origins }: ApiKey): string {
  const time = (at: number): string => utcTime(new Date(at).toISOString());
  const state =
    revokedAt !== null
      ? `revoked ${time(revokedAt)}`
      : expiresAt !== null
        ? `${expiresAt <= Date.now() ? "ended" : "ends"} ${time(expiresAt)}`
        : "in force";
  return [
    state,
    lastUsed === null ? "never used" : `last used ${time(lastUsed)}`,
    ...(replacedBy === null ? [] : [`replaced by ${replacedBy}`]),
    ...(configured ? ["from API_KEYS"] : []),
    ...(origins.length > 0 ? [origins.join(" ")] : []),
  ].join(", ");
}

function scopeOf(input: Input, scopes: readonly KeyScope[]): KeyScope {
  const scope = scopes.find((each) => each === input.text("scope"));
  if (!scope) throw new UsageError(`--scope must be one of ${scopes.join(", ")}`, "See: itera keys --help");
  return scope;
}

async function tellKey(output: Output, key: string, answer: object, note: string): Promise<void> {
  if (output.json) return output.object({ success: true, key, ...answer });
  await output.line(key);
  output.note(note);
}

/** The command. */
export const keysCommand: Command = {
  name: "keys",
  summary: "Make, list, rotate and revoke API keys",
  words: "[list | create | rotate KEY | revoke KEY]",
  wordCount: [0, 2],
  options: {
    scope: { value: "SCOPE", about: "Of a new key: site, service, operator or admin" },
    name: { value: "TEXT", about: "What people call it" },
    origin: { value: "ORIGIN", many: true, about: "Of a site key: where it works (default: all of ALLOWED_ORIGINS); several are possible" },
    days: { value: "N", about: "The new key ends after so many days (default: it does not)" },
    overlap: { value: "HOURS", about: "On rotation the old key works for so long (default: 24; 0: not at all)" },
    "for-config": { about: "Only print a new key, for API_KEYS; no database is opened" },
  },
  examples: [
    ["itera keys create --scope service --name chatbot", "prints the key, which is shown only once"],
    ["itera keys create --scope admin --for-config", "prints a first key to put into API_KEYS"],
    ["itera keys rotate x7Gm2PqL9aBc --overlap 48", "a new key in its place; the old one works for two more days"],
    ["itera keys revoke x7Gm2PqL9aBc", "within five seconds it is refused everywhere"],
  ],
  async run(input, output) {
    const [verb = "list", id = ""] = input.words;
    if (!VERBS.includes(verb)) throw new UsageError(`There is no itera keys ${verb}`, "See: itera keys --help");
    const named = verb === "rotate" || verb === "revoke";
    if (named !== (id !== "")) {
      throw new UsageError(
        named ? `itera keys ${verb} needs the public part of a key` : `itera keys ${verb} takes no key`,
        "See: itera keys",
      );
    }
    const work = await import("../runtimes/node/key-work.ts");

    if (verb === "create" && input.has("for-config")) {
      const key = work.keyForConfiguration(scopeOf(input, work.KEY_SCOPES));
      return tellKey(output, key, {}, "It is stored nowhere: put it into API_KEYS.");
    }
    const config = readConfig();
    if (verb === "create") {
      const scope = scopeOf(input, work.KEY_SCOPES);
      const [name, days] = [input.text("name"), input.number("days", 1)];
      const { key, data } = await work.withKeys(config, (keys) =>
        keys.create({
          scope,
          origins: input.texts("origin"),
          ...(name !== undefined && { name }),
          ...(days !== undefined && { expiresAt: Date.now() + days * DAY }),
        }),
      );
      return tellKey(output, key, { data: shown(data) }, "Keep it now: it is not shown again.");
    }
    if (verb === "rotate") {
      const overlap = input.number("overlap", 0) ?? 24;
      const rotated = await work.withKeys(config, (keys) => keys.rotate(id, overlap * HOUR));
      if (!rotated) return unknown(output);
      const { key, data, replaced } = rotated;
      return tellKey(
        output,
        key,
        { data: shown(data), replaced: shown(replaced) },
        `Keep it now: it is not shown again. ${id} ends in ${overlap} h.`,
      );
    }
    if (verb === "revoke") {
      const data = await work.withKeys(config, (keys) => keys.revoke(id));
      if (!data) return unknown(output);
      if (output.json) return output.object({ success: true, data: shown(data) });
      return output.line(`${id} is revoked; running servers refuse it within five seconds.`);
    }
    const all = await work.withKeys(config, (keys) => keys.list());
    for (const key of all) {
      if (output.json) await output.object(shown(key));
      else await output.line(`${key.id}  ${key.scope.padEnd(8)}  ${key.name}  ${output.dim(described(key))}`);
    }
    if (all.length === 0 && !output.json) output.note("There are no API keys. Make one with: itera keys create --scope admin");
    return undefined;
  },
};

function unknown(output: Output): number {
  output.failure("API key not found", "not_found", undefined, "See them with: itera keys");
  return 3;
}
