/** When an alert is told of: the rule alone, as a function of what was stored and what is seen. */

/** What is stored of an alert, for all servers together. Times in epoch milliseconds. */
export interface AlertState {
  /** The servers that see it, and when each last did. Empty: it is over. */
  readonly servers: Readonly<Record<string, number>>;
  /** Since when it lasts, or lasted. */
  readonly since: number;
  /** When it was last told that it lasts; null: never. */
  readonly toldAt: number | null;
  /** Of this time, from its beginning to its end, something was told; so its end will be. */
  readonly told: boolean;
  /** What was to be told with this state, until it is in the outbox. */
  readonly owed: { readonly id: string; readonly body: string; readonly at: number } | null;
}

/** What one server sees. */
export interface Sight {
  readonly server: string;
  readonly sees: boolean;
  readonly now: number;
}

/** What is to be done: the state to store (null: as it is), and what to tell. */
export interface AlertStep {
  readonly state: AlertState | null;
  readonly tell: "fired" | "resolved" | null;
}

const HOUR = 3_600_000;
/** A server that has not said for so long that it sees it does not see it any more: most likely it has stopped. */
const STALE_MS = 5 * 60_000;
/** While it lasts, how often a server says that it still sees it. */
const REFRESH_MS = 60_000;

/** The next step. An alert is told of when the first server sees it, at most once an hour while it lasts, and when the last one does not any more. */
export function nextAlert(stored: AlertState | null, { server, sees, now }: Sight): AlertStep {
  const before = stored?.servers ?? {};
  const fresh = Object.entries(before).filter(([name, at]) => name !== server && Math.abs(now - at) < STALE_MS);
  const servers = Object.fromEntries(sees ? [...fresh, [server, now] as const] : fresh);
  const lasted = Object.keys(before).length > 0;
  const lasts = Object.keys(servers).length > 0;
  if (!lasts && !lasted) return { state: null, tell: null };
  const toldAt = stored?.toldAt ?? null;
  if (!lasts) return { state: { servers, since: stored!.since, toldAt, told: false, owed: null }, tell: stored!.told ? "resolved" : null };
  // A clock that went back silences nothing.
  const tell = toldAt === null || now - toldAt >= HOUR || toldAt > now + HOUR;
  const since = lasted ? stored!.since : now;
  const told = (lasted && stored!.told) || tell;
  const same =
    lasted && !tell && Object.keys(servers).length === Object.keys(before).length && (!sees || now - (before[server] ?? 0) < REFRESH_MS);
  if (same) return { state: null, tell: null };
  return { state: { servers, since, toldAt: tell ? now : toldAt, told, owed: null }, tell: tell ? "fired" : null };
}
