/** Where a command's answer goes: standard output for the answer, standard error for everything that is said besides. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { styleText } from "node:util";

/** The output of one command. Everything that writes waits until the reader has caught up. */
export interface Output {
  readonly json: boolean;
  /** The width in which text is wrapped; Infinity where nobody watches. */
  readonly width: number;
  /** Whether a person watches standard error: then progress may be drawn there. */
  readonly watched: boolean;
  /** A line of the answer. */
  line(text: string): Promise<void>;
  /** A line of the answer as JSON. */
  object(value: unknown): Promise<void>;
  /** Something for a person, beside the answer. */
  note(text: string): void;
  /** Asks a person, and waits for the line that is typed: empty where nothing is. Null: nobody is there to ask. */
  ask(question: string): Promise<string | null>;
  /** A failure: a sentence, or with `--json` the envelope of the API. */
  failure(error: string, code: string, details?: Readonly<Record<string, unknown>>, hint?: string): void;
  /** Emphasis where a person watches, else the text itself. */
  bold(text: string): string;
  dim(text: string): string;
}

/** Makes the output on the process's own streams. */
export function processOutput(json: boolean): Output {
  const { stdout, stderr } = process;
  async function write(text: string): Promise<void> {
    if (!stdout.write(text) && !stdout.destroyed) await Promise.race([once(stdout, "drain"), once(stdout, "close")]);
  }
  const style = (format: "bold" | "dim", text: string): string => (stdout.isTTY ? styleText(format, text, { stream: stdout }) : text);
  return {
    json,
    width: stdout.isTTY ? Math.max(60, stdout.columns) : Infinity,
    watched: stderr.isTTY,
    line: (text) => write(`${text}\n`),
    object: (value) => write(`${JSON.stringify(value)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    async ask(question) {
      if (!process.stdin.isTTY || !stderr.isTTY) return null;
      stderr.write(question);
      // The terminal itself edits the line, and Ctrl+C ends the command.
      const lines = createInterface({ input: process.stdin, terminal: false });
      try {
        for await (const line of lines) return line;
        return "";
      } finally {
        lines.close();
      }
    },
    failure(error, code, details, hint) {
      const envelope = { success: false, error, code, requestId: randomUUID(), ...(details === undefined ? {} : { details }) };
      stderr.write(json ? `${JSON.stringify(envelope)}\n` : `itera: ${error}${hint === undefined ? "" : `\n${hint}`}\n`);
    },
    bold: (text) => style("bold", text),
    dim: (text) => style("dim", text),
  };
}
