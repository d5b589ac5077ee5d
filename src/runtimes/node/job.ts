/** Work that is done again and again in the background: never twice at once, never exactly on the beat, never given up. */

/** A job that runs until it is stopped. */
export interface Job {
  /** When it last ended well, on the clock of `Date.now`; null: not yet. */
  lastDone(): number | null;
  /** Runs it soon, however long it would have waited; while it runs, once more afterwards. */
  wake(): void;
  /** Lets a run that is under way finish, and starts no more. */
  stop(): Promise<void>;
}

/** What a job is told. Times in milliseconds. */
export interface JobOptions {
  run: () => Promise<unknown>;
  everyMs: number;
  /** Before the first run; `everyMs` by default. */
  firstMs?: number;
  onError: (error: unknown) => void;
  /** From 0 to 1; for tests. */
  random?: () => number;
}

/** `setTimeout` waits for at most 2^31 - 1 ms. */
const LONGEST = 2_147_000_000;
const WAKE_MS = 20;

/** Starts a job. It waits `everyMs`, give or take a tenth, after the end of each run, also after one that failed. It keeps no process alive. */
export function startJob({ run, everyMs, firstMs = everyMs, onError, random = Math.random }: JobOptions): Job {
  let lastDone: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;

  function wait(ms: number): void {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => (ms > LONGEST ? wait(ms - LONGEST) : start()), Math.min(ms, LONGEST)).unref();
  }

  function start(): void {
    running = once().finally(() => {
      running = null;
      wait(again ? WAKE_MS : everyMs * (0.9 + 0.2 * random()));
      again = false;
    });
  }

  async function once(): Promise<void> {
    try {
      await run();
      lastDone = Date.now();
    } catch (error) {
      onError(error);
    }
  }

  wait(firstMs);
  return {
    lastDone: () => lastDone,
    wake() {
      if (running) again = true;
      else wait(WAKE_MS);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
