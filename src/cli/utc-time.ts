/** Times as people read them. */

/** `2025-01-25 14:30:52 UTC` of an ISO 8601 time in UTC. */
export function utcTime(iso: string): string {
  return iso.replace("T", " ").replace(/(?:\.\d+)?Z$/, " UTC");
}
