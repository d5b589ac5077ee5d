/** Turns: what is done with one thing in this process is done one after the other. */

/** Does the work when all earlier work on the same key is done, however that ended. */
export type Turns = <T>(key: unknown, work: () => Promise<T>) => Promise<T>;

/** Makes turns. Keys are kept only while there is work on them. */
export function createTurns(): Turns {
  const last = new Map<unknown, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
