/** What is new in a transcript that comes back from a chatbot. All lists are texts that are equal for equal messages. */

/**
 * The index of `given` from which on its messages are new to a stored transcript: after the longest common beginning; if
 * there is none, after the longest stored end with which `given` begins (a history that a bot has trimmed).
 */
export function firstNew(stored: readonly string[], given: readonly string[]): number {
  const same = commonBeginning(stored, given);
  return same > 0 ? same : overlap(stored, given);
}

/**
 * The same for an object that was loaded: `known` is what this very object held, so a beginning that is only partly the
 * same is no divergence, and a trimmed history is known by whichever reaches further.
 */
export function firstNewInOwn(known: readonly string[], given: readonly string[]): number {
  const same = commonBeginning(known, given);
  return same === known.length ? same : Math.max(same, overlap(known, given));
}

function commonBeginning(a: readonly string[], b: readonly string[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

/** The length of the longest end of `known` with which `given` begins, in linear time (Knuth, Morris and Pratt 1977). */
function overlap(known: readonly string[], given: readonly string[]): number {
  const pattern = given.slice(0, known.length);
  const fallback: number[] = [0];
  for (let i = 1, length = 0; i < pattern.length; i++) {
    while (length > 0 && pattern[i] !== pattern[length]) length = fallback[length - 1]!;
    if (pattern[i] === pattern[length]) length++;
    fallback.push(length);
  }
  let matched = 0;
  for (const text of known) {
    if (matched === pattern.length) matched = fallback[matched - 1] ?? 0;
    while (matched > 0 && text !== pattern[matched]) matched = fallback[matched - 1]!;
    if (text === pattern[matched]) matched++;
  }
  return matched;
}
