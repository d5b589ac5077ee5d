/** Something that should not happen, and whether it keeps happening. */

/** What happens again and again. */
export interface Recurrence {
  /** It has happened once more. */
  note(): void;
  /** Since when it keeps happening, epoch milliseconds; null: it does not. */
  since(): number | null;
}

/** Once it has not happened for `quietMs`, it is over. */
export function createRecurrence(quietMs: number, clock: () => number = Date.now): Recurrence {
  let first = 0;
  let last = -Infinity;
  const lasts = (): boolean => Math.abs(clock() - last) <= quietMs;
  return {
    note() {
      if (!lasts()) first = clock();
      last = clock();
    },
    since: () => (lasts() ? first : null),
  };
}
