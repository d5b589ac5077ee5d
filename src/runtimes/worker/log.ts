/** The log of a Worker: one JSON line for each entry, in the shape that the Node server's has, on the console, where Cloudflare keeps it. */

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;

/** The levels of entries and of the log as a whole. */
export type LogLevel = keyof typeof LEVELS;

/** What the Worker logs with. No bodies, headers, addresses of stores or messages of chats are ever given to it. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Where lines go; `console` is one. */
export type Console = Pick<typeof console, "log" | "warn" | "error">;

const DEEPEST = 5;

/** An error with its class, code, message, stack and cause, which JSON alone would drop. */
function plainError(error: Error, depth = DEEPEST): object {
  const { name, message, stack, cause } = error;
  const code: unknown = (error as { code?: unknown }).code;
  return {
    type: name,
    message,
    stack,
    ...(code === undefined ? {} : { code }),
    ...(cause instanceof Error && depth > 1 ? { cause: plainError(cause, depth - 1) } : {}),
  };
}

function textOf(entry: object): string {
  return JSON.stringify(entry, (_, value: unknown) => {
    if (value instanceof Error) return plainError(value);
    return typeof value === "bigint" ? String(value) : value;
  });
}

/** A log of at least this level. Entries have `level` (pino's numbers), `time` (ISO 8601), `msg`; an error under `err` is told whole. */
export function createLog(level: LogLevel, out: Console = console, clock: () => number = Date.now): Log {
  const write = (name: LogLevel, to: keyof Console) => (facts: object, message: string) => {
    if (LEVELS[name] < LEVELS[level]) return;
    let line: string;
    try {
      line = textOf({ level: LEVELS[name], time: new Date(clock()).toISOString(), ...facts, msg: message });
    } catch {
      // What cannot be written down (a circle) does not keep the rest from being known.
      line = textOf({ level: LEVELS[name], time: new Date(clock()).toISOString(), msg: message });
    }
    out[to](line);
  };
  return { debug: write("debug", "log"), info: write("info", "log"), warn: write("warn", "warn"), error: write("error", "error") };
}
