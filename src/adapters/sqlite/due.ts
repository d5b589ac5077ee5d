// When a conversation has to be looked at: kept so that a turn, which moves its expiry, need not touch an index.

import type { Head } from "../../core/head.ts";

function isOpen({ status }: Head): boolean {
  return status === "active" || status === "completed";
}

function earlier(known: number | null, wanted: number): number {
  return known === null ? wanted : Math.min(known, wanted);
}

/**
 * When its expiry, or (archived, deleted) its moving, has to be looked at; null: never. `known` is what is stored, null after a change of
 * status: it is kept as long as it is not too late.
 */
export function dueOf(head: Head, known: number | null): number | null {
  if (!isOpen(head)) return head.archivedAt;
  return head.expiresAt === null ? null : earlier(known, head.expiresAt);
}

/** When the warning before its expiry has to be looked at; null: it was given, or there is nothing to warn of. */
export function warnDueOf(head: Head, known: number | null): number | null {
  if (!isOpen(head) || head.expiresAt === null || head.warnedFor === head.expiresAt) return null;
  return earlier(known, head.expiresAt);
}
