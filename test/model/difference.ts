// Compares what was expected with what came, and says in a few words where they differ.

/** Stands in an expected value for whatever satisfies it. */
export type Matcher = (actual: unknown) => boolean;

function show(value: unknown): string {
  const text = typeof value === "function" ? `something that satisfies ${String(value)}` : JSON.stringify(value);
  return text === undefined ? "undefined" : text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** The first difference, or null. Fields that are undefined count as absent; a function in `expected` is a `Matcher`. */
export function difference(expected: unknown, actual: unknown, path = "answer"): string | null {
  if (typeof expected === "function")
    return (expected as Matcher)(actual) ? null : `${path}: expected ${show(expected)}, got ${show(actual)}`;
  if (expected === actual) return null;
  if (typeof expected !== "object" || typeof actual !== "object" || expected === null || actual === null) {
    return `${path}: expected ${show(expected)}, got ${show(actual)}`;
  }
  if (Array.isArray(expected) !== Array.isArray(actual)) return `${path}: expected ${show(expected)}, got ${show(actual)}`;
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length !== actual.length) {
    return `${path}: expected ${expected.length} entries, got ${actual.length}: ${show(expected)} and ${show(actual)}`;
  }
  const [wanted, got] = [expected as Record<string, unknown>, actual as Record<string, unknown>];
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    const found = difference(wanted[key], got[key], `${path}.${key}`);
    if (found) return found;
  }
  return null;
}
