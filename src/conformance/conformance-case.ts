/** What a conformance case is, and which of them apply to an adapter. Cases are data: run them with any test runner, or with none. */
import type { Stores } from "../core/stores.ts";

/** Time as a case sees it. Where the adapter takes a clock, engine and callers read this one. */
export interface ConformanceClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Lets at least so many milliseconds pass: at once where the adapter takes a clock, else by waiting. */
  pass(ms: number): Promise<void>;
}

/** What a case is given: stores that hold nothing yet, and the time. The runner opens and closes them. */
export interface ConformanceContext {
  stores: Stores;
  clock: ConformanceClock;
}

/** What a case may need, and what it means that an adapter has it. */
export const NEEDS = {
  archive: "there is an archive",
  directory: "there is a directory",
  records: "there are records",
  atomic: "commits are all or nothing, and compare",
  scan: "scan lists in ID order",
  take: "the sweep asks for what is due",
  once: "idempotency entries are kept",
  outbox: "events wait in an outbox until they are passed on",
  search: "the directory answers text queries",
  together:
    "hot store, archive and directory are one database: a commit changes the entry in the same step, and the erasure log is seen by all",
} as const;

/** The name of something that a case may need. */
export type Need = keyof typeof NEEDS;

/** One promise of a port. `run` throws an `AssertionError` if it is broken. */
export interface ConformanceCase {
  /** Begins with the port; unique among all cases. */
  name: string;
  needs?: readonly Need[];
  run(context: ConformanceContext): Promise<void>;
}

/** What an adapter cannot do: the name of a case or of a need, and the reason, a sentence for people. */
export type Skips = Readonly<Record<string, string>>;

/** A case together with the reason for which it is skipped, or null. */
export interface SelectedCase extends ConformanceCase {
  skipped: string | null;
}

/** Marks the cases that an adapter skips. Throws if a name in `skip` is neither a case nor a need. */
export function selectCases(cases: readonly ConformanceCase[], skip: Skips = {}): SelectedCase[] {
  const names = new Set<string>([...Object.keys(NEEDS), ...cases.map((one) => one.name)]);
  const unknown = Object.keys(skip).filter((name) => !names.has(name));
  if (unknown.length > 0) throw new Error(`No conformance case and no need is called ${unknown.map((name) => `"${name}"`).join(", ")}`);
  return cases.map((one) => {
    const reason = [one.name, ...(one.needs ?? [])].find((name) => Object.hasOwn(skip, name));
    return { ...one, skipped: reason === undefined ? null : skip[reason]! };
  });
}
