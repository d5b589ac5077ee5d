/** `itera import`: takes conversations from lines of JSON. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { ConversationError, GoneError, InvalidInputError, StoreUnavailableError } from "../core/errors.ts";
import type { ConversationManager } from "../core/manager.ts";
import type { ImportLine, SeenLines } from "../core/transfer.ts";
import { UsageError, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";
import { readLines, type Line } from "./read-lines.ts";
import { withManager } from "./with-manager.ts";

/** Lines that are worked on at once, so that they share disk syncs; and of how many bytes together. */
const AT_ONCE = 16;
const BYTES_AT_ONCE = 32 * 1024 * 1024;

/** What came of one line. */
type Outcome = "imported" | "skipped" | "erased" | { readonly wrong: string; readonly code: string };

interface Counts {
  imported: number;
  skipped: number;
  failed: number;
}

/** The command. */
export const importCommand: Command = {
  name: "import",
  summary: "Take in conversations from a file of JSON lines",
  words: "FILE|-",
  wordCount: [1, 1],
  options: { active: { about: "Import them as active, not archived" } },
  examples: [
    ["itera import chats.ndjson", "what `itera export` wrote, or lines such as the next one"],
    [
      `echo '{"source":"old-bot","ref":"42","messages":[{"role":"user","content":"Ciao"}]}' | itera import -`,
      "one conversation; ref names it, so that the same line again adds nothing",
    ],
    ["itera import chats.ndjson --active", "to go on with these conversations"],
  ],
  async run(input, output) {
    const [path = ""] = input.words;
    const { stream, size } = await open(path);
    const counts = await withManager(output, true, (manager) => importAll(manager, stream, size, input.has("active"), output));
    return summary(counts, output);
  },
};

async function open(path: string): Promise<{ stream: Readable; size: number | null }> {
  if (path === "-") return { stream: process.stdin, size: null };
  try {
    const stream = createReadStream(path);
    await once(stream, "open");
    const { size } = await stat(path);
    // Of a pipe the size is 0.
    return { stream, size: size || null };
  } catch (error) {
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`);
  }
}

async function importAll(
  manager: ConversationManager,
  stream: Readable,
  size: number | null,
  active: boolean,
  output: Output,
): Promise<Counts> {
  const counts: Counts = { imported: 0, skipped: 0, failed: 0 };
  const progress = createProgress(output);
  const seen: SeenLines = new Map();
  const under: { line: Line; bytes: number; outcome: Promise<Outcome> }[] = [];
  let bytes = 0;

  async function settleFirst(): Promise<void> {
    const first = under.shift()!;
    const outcome = await first.outcome;
    bytes -= first.bytes;
    if (typeof outcome !== "string") {
      counts.failed++;
      progress.clear();
      output.failure(`line ${first.line.number}: ${outcome.wrong}`, outcome.code, { line: first.line.number });
    } else if (outcome === "erased") {
      counts.skipped++;
      progress.clear();
      if (!output.json) output.note(`line ${first.line.number}: left out, this conversation was erased`);
    } else counts[outcome]++;
    progress.show(
      size === null ? null : first.line.end / size,
      `${counts.imported} imported, ${counts.skipped} skipped, ${counts.failed} failed`,
    );
  }

  try {
    for await (const line of readLines(stream)) {
      const length = "text" in line ? line.text.length : 0;
      while (under.length >= AT_ONCE || (under.length > 0 && bytes + length > BYTES_AT_ONCE)) await settleFirst();
      bytes += length;
      const outcome = importLine(manager, line, { active, seen });
      // A failure of the store is met when this line's turn comes.
      outcome.catch(() => {});
      under.push({ line, bytes: length, outcome });
    }
    while (under.length > 0) await settleFirst();
    // So that lists and searches know them at once, also where no server runs.
    await manager.deliver();
  } finally {
    progress.clear();
    // Nothing may be under way when the stores are closed.
    await Promise.allSettled(under.map(({ outcome }) => outcome));
  }
  return counts;
}

async function importLine(manager: ConversationManager, line: Line, options: { active: boolean; seen: SeenLines }): Promise<Outcome> {
  if ("wrong" in line) return { wrong: line.wrong, code: "invalid_input" };
  try {
    const result = await manager.importConversation(parse(line.text), options);
    return result.outcome;
  } catch (error) {
    // Not this line's fault, and the next ones would fare no better.
    if (error instanceof StoreUnavailableError) throw error;
    if (error instanceof GoneError) return "erased";
    if (error instanceof ConversationError) return { wrong: error.message, code: error.code };
    return { wrong: error instanceof Error ? error.message : String(error), code: "internal" };
  }
}

function parse(text: string): ImportLine {
  try {
    return JSON.parse(text) as ImportLine;
  } catch {
    throw new InvalidInputError("the line is not JSON");
  }
}

async function summary(counts: Counts, output: Output): Promise<number> {
  const { imported, skipped, failed } = counts;
  if (failed > 0) {
    const what = failed === 1 ? "1 line was not imported" : `${failed} lines were not imported`;
    output.failure(
      `${what} (${imported} imported, ${skipped} skipped)`,
      "invalid_input",
      { ...counts },
      "Correct them and run the same again: what is there is skipped.",
    );
    return 1;
  }
  await (output.json
    ? output.object({ success: true, data: counts })
    : output.line(`${imported} imported, ${skipped} skipped, none failed.`));
  return 0;
}
