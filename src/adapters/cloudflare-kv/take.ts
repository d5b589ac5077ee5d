/** What is due, found by what stands beside the values, and checked against them before it is handed out. */
import { StoredDataError } from "../../core/errors.ts";
import type { Head } from "../../core/head.ts";
import { dueOf, type Due } from "./due.ts";
import type { Engine, Listed } from "./engine.ts";
import { remember } from "./listing-state.ts";

/** What can be due. */
export type What = keyof Due;

const PAGE = 1000;
/** Pages of keys in one call: Workers allow 1,000 operations for a request. The next call goes on from there. */
const MOST_PAGES = 100;
/** Values of older code that are read in one call. */
const MOST_READ = 100;

interface Candidate {
  id: string;
  at: number;
}

/**
 * `HotStore.take`. The newest value decides, so what a visitor has gone on with in this process is not due. Leases are known
 * in this process alone: two that sweep at once may both archive the same, which comes to the same.
 */
export async function take(
  engine: Engine,
  what: What,
  before: number,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<Head[]> {
  const { leases } = engine.listing;
  const now = engine.clock();
  for (const [name, until] of leases) if (until <= now) leases.delete(name);
  const candidates = (await candidatesOf(engine, what, before)).toSorted((a, b) => a.at - b.at);
  const due: Head[] = [];
  for (;;) {
    // Others may have taken some while this call was waiting.
    const free = candidates.splice(0, limit - due.length).filter(({ id }) => !leases.has(`${what} ${id}`));
    for (const { id } of free) leases.set(`${what} ${id}`, now + leaseMs);
    const heads = await Promise.all(free.map(({ id }) => newestHead(engine, id)));
    for (const [i, head] of heads.entries()) {
      const at = head && dueOf(head)[what];
      if (head && at !== null && at <= before) due.push(head);
      else if (head) leases.delete(`${what} ${free[i]!.id}`);
    }
    if (due.length >= limit || candidates.length === 0) break;
  }
  return due.toSorted((a, b) => dueOf(a)[what]! - dueOf(b)[what]!);
}

/** All that may be due. */
async function candidatesOf(engine: Engine, what: What, before: number): Promise<Candidate[]> {
  const { resumes, older } = engine.listing;
  const candidates: Candidate[] = [];
  const consider = (id: string, due: Due): void => {
    const at = due[what];
    if (at !== null && at <= before) candidates.push({ id, at });
  };
  let toRead = MOST_READ;
  let cursor = resumes.get(what) ?? null;
  resumes.delete(what);
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await engine.list(cursor, PAGE);
    const unknown: Listed[] = [];
    for (const { id, due } of page.listed) {
      const known = due ?? older.get(id);
      if (due) older.delete(id);
      if (known) consider(id, known);
      else unknown.push({ id, due });
    }
    const read = unknown.slice(0, toRead);
    toRead -= read.length;
    const heads = await Promise.all(read.map(({ id }) => newestHead(engine, id)));
    for (const head of heads) {
      if (!head) continue;
      const due = dueOf(head);
      remember(older, head.id, due);
      consider(head.id, due);
    }
    cursor = page.cursor;
    if (cursor === null) return candidates;
  }
  resumes.set(what, cursor!);
  return candidates;
}

/** Null: it is gone, or it is damaged, which an operator must look at and which must not stand in the way of others. */
async function newestHead(engine: Engine, id: string): Promise<Head | null> {
  try {
    return (await engine.load(id)).document?.whole.head ?? null;
  } catch (error) {
    if (error instanceof StoredDataError) return null;
    throw error;
  }
}
