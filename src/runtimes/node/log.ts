/** The log: one JSON line for each entry on standard error, or a readable line if a person is watching. */
import { pino, type Logger } from "pino";

/** What the server logs with. */
export type Log = Logger;

const LEVELS: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** Turns an entry into a line for people: time, level, message, then the rest as `name=value`. */
export function readableLine(entry: string): string {
  const { time, level, msg, ...rest } = JSON.parse(entry) as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${String(time).slice(11, 23)} ${LEVELS[Number(level)]?.padEnd(5)} ${[msg, ...fields].join("  ")}\n`;
}

/**
 * A log of at least this level. Entries have `level` (pino's numbers), `time` (ISO 8601), `msg`. An error under `err` is
 * logged with its class, code, message and stack, and with its cause; no request bodies, headers or messages of chats
 * are ever given to it.
 */
export function createLog(level: string, terminal = process.stderr.isTTY): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  if (terminal) return pino(options, { write: (entry) => void process.stderr.write(readableLine(entry)) });
  return pino(options, pino.destination({ dest: 2, sync: false }));
}
