/** What somebody may have meant. */

/** How many letters must be changed, added, dropped or swapped with a neighbour to get from one word to the other. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (__, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number): number => rows[i]![j]!;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      rows[i]![j] = best;
    }
  }
  return at(a.length, b.length);
}

/** The word that is most like `given`, or undefined if none is close. A word that begins with it is close. */
export function nearest(given: string, words: readonly string[]): string | undefined {
  const wanted = given.toLowerCase();
  const begun = words.filter((word) => wanted.length > 1 && word.startsWith(wanted));
  if (begun.length === 1) return begun[0];
  const [best] = words.map((word) => ({ word, steps: distance(wanted, word) })).toSorted((a, b) => a.steps - b.steps);
  return best && best.steps <= Math.max(1, Math.floor(best.word.length / 3)) ? best.word : undefined;
}
