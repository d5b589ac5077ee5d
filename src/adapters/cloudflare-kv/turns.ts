/** Turns: in one process, what is done on one key is done one after another. */

/** Someone's turn. `deadline`, by `performance.now`: when it counts as dead unless it says otherwise. */
interface Turn {
  readonly done: Promise<void>;
  deadline: number;
  before: Turn | null;
}

/** Does the work when all earlier work on this key is done. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

const LOOK_EVERY_MS = 1000;
const WAITING_MS = 5000;
const WORKING_MS = 30_000;

/**
 * Makes turns. On Workers a request that is cancelled stops in the middle and ends nothing, so nobody is waited for who
 * has not been heard of: those who wait say every second that they do, and work may take 30 seconds.
 */
export function createTurns(): Turns {
  const last = new Map<string, Turn>();
  return async (key, work) => {
    let end = (): void => {};
    const done = new Promise<void>((resolve) => (end = resolve));
    const turn: Turn = { done, deadline: performance.now() + WAITING_MS, before: last.get(key) ?? null };
    last.set(key, turn);
    try {
      while (turn.before) {
        const ended = await endedWithin(turn.before.done, LOOK_EVERY_MS);
        const now = performance.now();
        turn.deadline = now + WAITING_MS;
        if (ended) turn.before = null;
        // Who died while waiting leaves somebody before it, who may be at work.
        else if (now > turn.before.deadline) turn.before = turn.before.before;
      }
      turn.deadline = performance.now() + WORKING_MS;
      return await work();
    } finally {
      if (last.get(key) === turn) last.delete(key);
      end();
    }
  };
}

async function endedWithin(done: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const ended = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}
