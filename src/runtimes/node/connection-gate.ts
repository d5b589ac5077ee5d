/** Keeps a store that does not answer from being stormed with attempts to connect. */

/** Lets attempts pass, or holds them back for a while after one has failed. */
export interface ConnectionGate {
  /** Null: go on. Else the error of the last attempt, as long as no new one is due; the one that is let through then stands for all. */
  closed(): Error | null;
  /** How an attempt ended. */
  ended(error: Error | null): void;
}

const FIRST_MS = 50;
const LONGEST_MS = 1000;

/** Pauses before the attempt after so many that failed: growing to a second, with jitter, so that many servers do not come at once. */
export function pauseAfter(failures: number, random: () => number = Math.random): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (0.5 + random() / 2);
}

/** Makes a gate. `clock` is monotonic, in milliseconds. */
export function createConnectionGate(clock: () => number = () => performance.now(), random: () => number = Math.random): ConnectionGate {
  let failures = 0;
  let last: Error | null = null;
  let nextAt = 0;
  return {
    closed() {
      if (last === null) return null;
      if (clock() < nextAt) return last;
      nextAt = clock() + pauseAfter(failures + 1, random);
      return null;
    },
    ended(error) {
      failures = error === null ? 0 : failures + 1;
      last = error;
      if (error !== null) nextAt = Math.max(nextAt, clock() + pauseAfter(failures, random));
    },
  };
}

/** What went wrong in connecting, without the address that Node puts into it. What the engine itself says is kept. */
export function withoutAddress(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("the connection failed");
  const { code, syscall, errors } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return withoutAddress(errors[0]);
  // The engine's own answers have a severity, and are about names, not places.
  if (code === undefined || "severity" in error) return error;
  return Object.assign(new Error(`${syscall ?? "connecting"} failed (${code})`), { code });
}
