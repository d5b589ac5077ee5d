/** The outbox in memory: events in their order, and at most one mark for each conversation that has changed. */
import type { LifecycleEvent } from "../../core/head.ts";
import type { OutboxItem } from "../../core/hot-store.ts";
import type { MemoryState } from "./state.ts";

/** Puts an event into the outbox. */
export function addEvent(state: MemoryState, id: string, version: number, event: LifecycleEvent): void {
  const n = `e:${++state.eventCount}`;
  state.outbox.set(n, { item: { n, id, version, event: structuredClone(event) }, leasedUntil: 0 });
}

/**
 * Marks that a conversation has changed. A mark that is still there is renewed in its place, so that a busy conversation
 * does not wait for ever; its name has the version in it, so that `delivered` of the old one leaves the new one there.
 */
export function markChanged(state: MemoryState, id: string, version: number, cut: number | undefined): void {
  const key = `m:${id}`;
  const cuts = [state.outbox.get(key)?.item.cut, cut].filter((after) => after !== undefined);
  const item: OutboxItem = { n: `${key}:${version}`, id, version, event: null };
  if (cuts.length > 0) item.cut = Math.min(...cuts);
  state.outbox.set(key, { item, leasedUntil: 0 });
}

/** Removes what undelivered events of a conversation say beyond their type and time. */
export function emptyDetails(state: MemoryState, id: string): void {
  for (const { item } of state.outbox.values()) if (item.id === id && item.event) item.event.details = {};
}

/** The oldest items that nobody has leased, leased from now on. */
export function leaseItems(state: MemoryState, limit: number, leaseMs: number): OutboxItem[] {
  const now = state.clock();
  const free = [...state.outbox.values()].filter(({ leasedUntil }) => leasedUntil <= now).slice(0, limit);
  for (const row of free) row.leasedUntil = now + leaseMs;
  return free.map(({ item }) => structuredClone(item));
}

/** Removes the items of these names. */
export function removeItems(state: MemoryState, ns: readonly string[]): void {
  const names = new Set(ns);
  for (const [key, { item }] of state.outbox) if (names.has(item.n)) state.outbox.delete(key);
}
