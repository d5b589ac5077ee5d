/** The names of objects that hold no conversation but what the service itself keeps. No conversation's ID has a colon. */

const SERVICE = "service:";

/** Whether an object of this name belongs to the service. */
export function isServiceName(name: string): boolean {
  return name.startsWith(SERVICE);
}

/** The object of all records but claims. */
export const RECORDS_NAME = `${SERVICE}records`;

/** One of the objects of claims. */
export function claimsName(shard: number): string {
  return `${SERVICE}claims:${shard}`;
}

/** One of the objects that count requests. */
export function ratesName(shard: number): string {
  return `${SERVICE}rate:${shard}`;
}

/** Spreads texts evenly over so many shards, the same one each time (FNV-1a). */
export function shardOf(text: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The lowest bits alone mix little.
  return ((hash ^ (hash >>> 15)) >>> 0) % shards;
}
