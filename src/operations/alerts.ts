/** Alerts: what a server sees of itself becomes one webhook for all servers when it begins, each hour while it lasts, and when it is over. */
import { isoTime } from "../core/conversation.ts";
import { StoreUnavailableError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { Records } from "../core/records.ts";
import { nextAlert, type AlertState } from "./alert-state.ts";

/** What an alert is: `summary` for people, `forMs`: so long it must be seen before it counts. */
export interface AlertDefinition {
  readonly severity: "critical" | "warning";
  readonly summary: string;
  readonly forMs: number;
}

const MINUTE = 60_000;

/** Every kind. `docs/alerts.md` says of each what to do. */
export const ALERTS = {
  store_down: { severity: "critical", summary: "A store does not answer.", forMs: MINUTE },
  sweep_stalled: { severity: "critical", summary: "No sweep has ended well for 15 minutes: what has expired is not archived.", forMs: 0 },
  outbox_stalled: { severity: "critical", summary: "Events have not been passed on for 5 minutes.", forMs: 0 },
  cleanup_stalled: { severity: "warning", summary: "No cleanup has ended well for twice its interval.", forMs: 0 },
  disk_low: { severity: "critical", summary: "Less than 1 GiB is left where a database's file is.", forMs: MINUTE },
  backup_overdue: { severity: "critical", summary: "There is no good backup that is recent enough.", forMs: 0 },
  clock_jump: { severity: "critical", summary: "A clock has jumped; nothing is purged until somebody confirms it.", forMs: 0 },
  encryption_key_missing: {
    severity: "critical",
    summary: "Stored conversations cannot be opened with the configured encryption keys.",
    forMs: 0,
  },
  rate_limiter_degraded: {
    severity: "warning",
    summary: "The shared rate limiter does not answer; each server limits by itself.",
    forMs: 0,
  },
  dead_letters: { severity: "warning", summary: "Webhooks were given up within the last day.", forMs: 0 },
} as const satisfies Readonly<Record<string, AlertDefinition>>;

/** A kind of alert. */
export type AlertKind = keyof typeof ALERTS;

/** What a server sees of one kind: numbers and short names of its own that go with it, or null: all is well. */
export type AlertFacts = Readonly<Record<string, number | string>>;

/** Looks; rejecting, or not answering within five seconds, changes nothing. */
export type AlertCheck = () => AlertFacts | null | Promise<AlertFacts | null>;

/** What alerts work with. */
export interface AlertsOptions {
  /** Null: each server tells by itself. */
  readonly records: Records | null;
  /** A name that no other running server has. */
  readonly server: string;
  readonly environment: string;
  readonly checks: Partial<Readonly<Record<AlertKind, AlertCheck>>>;
  /** Puts a webhook where it survives a crash; the same ID again is the same webhook. May throw: then it is given again at the next look. */
  readonly keep: (id: string, body: string) => Promise<void>;
  /** Takes one while the records do not answer. Must not throw. */
  readonly tell: (id: string, body: string) => Promise<void>;
  readonly clock?: () => number;
  readonly onError?: (error: unknown) => void;
}

/** The alerts of one server. */
export interface Alerts {
  /** Looks at everything once. */
  look(): Promise<void>;
  /** Those that this server sees now. */
  seen(): readonly AlertKind[];
}

const KIND = "alert";
const PATIENCE_MS = 5000;
const TRIES = 5;

/** Undefined: it could not be found out. */
async function checked(check: AlertCheck): Promise<AlertFacts | null | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, undefined)));
  try {
    return await Promise.race([Promise.resolve(check()), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Records that hang are as good as none. */
async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailableError("The records did not answer in time")), PATIENCE_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Makes the alerts of a server. Nothing is looked at before `look`. */
export function createAlerts(options: AlertsOptions): Alerts {
  const { records, server, environment, checks, keep, tell, clock = Date.now, onError = () => {} } = options;
  /** Since when each is seen here. */
  const since = new Map<AlertKind, number>();
  const seen = new Set<AlertKind>();
  /** What is told while the records do not answer, until it is over. */
  const own = new Map<AlertKind, AlertState>();

  function bodyOf(kind: AlertKind, what: "fired" | "resolved", state: AlertState, facts: AlertFacts): string {
    const { severity, summary } = ALERTS[kind];
    const data = {
      alert: kind,
      severity,
      summary,
      since: isoTime(state.since),
      environment,
      servers: Object.keys(state.servers).length,
      ...(what === "fired" && { facts }),
    };
    return JSON.stringify({ type: `alert.${what}`, timestamp: isoTime(clock()), data });
  }

  /** The ID follows from what it tells, so that a server that crashed after telling tells the same again, not another. */
  function webhook(kind: AlertKind, what: "fired" | "resolved", state: AlertState, facts: AlertFacts): { id: string; body: string } {
    const id = `alert_${kind}_${state.since}_${what === "fired" ? state.toldAt : "resolved"}`;
    return { id, body: bodyOf(kind, what, state, facts) };
  }

  /** It is in the outbox. */
  async function paid(kind: AlertKind, id: string, there: Records): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await there.get(KIND, kind);
      const state = (stored?.value ?? null) as AlertState | null;
      if (state?.owed?.id !== id) return;
      if ((await there.put(KIND, kind, { ...state, owed: null } as unknown as Json, { ifVersion: stored!.version })).won) return;
    }
  }

  async function together(kind: AlertKind, sees: boolean, facts: AlertFacts, there: Records): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await there.get(KIND, kind);
      const before = (stored?.value ?? null) as AlertState | null;
      const now = clock();
      const step = nextAlert(before, { server, sees, now });
      const mine = step.tell ? { ...webhook(kind, step.tell, step.state!, facts), at: now } : null;
      let owed = before?.owed ?? null;
      // Whoever decided to tell this has crashed before it was in the outbox; or what comes now would take its place.
      if (owed && (mine || Math.abs(now - owed.at) >= MINUTE)) {
        await keep(owed.id, owed.body);
        owed = null;
      }
      if (step.state === null && owed === (before?.owed ?? null)) return;
      const next = { ...(step.state ?? before), owed: mine ?? owed } as unknown as Json;
      // Of several servers that see it begin, one writes that it tells.
      if (!(await there.put(KIND, kind, next, { ifVersion: stored?.version ?? 0 })).won) continue;
      if (!mine) return;
      await keep(mine.id, mine.body);
      return paid(kind, mine.id, there);
    }
  }

  async function alone(kind: AlertKind, sees: boolean, facts: AlertFacts): Promise<void> {
    const step = nextAlert(own.get(kind) ?? null, { server, sees, now: clock() });
    if (step.state) own.set(kind, step.state);
    // From here on the records know again.
    if (records && !sees) own.delete(kind);
    if (!step.state || !step.tell) return;
    const { id, body } = webhook(kind, step.tell, step.state, facts);
    await tell(id, body);
  }

  async function lookAt(kind: AlertKind, check: AlertCheck): Promise<void> {
    const facts = await checked(check);
    if (facts === undefined) return;
    if (facts === null) since.delete(kind);
    // A clock that went back makes nothing wait.
    else if (!((since.get(kind) ?? Infinity) <= clock())) since.set(kind, clock());
    const sees = facts !== null && clock() - since.get(kind)! >= ALERTS[kind].forMs;
    if (sees) seen.add(kind);
    else seen.delete(kind);
    if (!records || own.has(kind)) return alone(kind, sees, facts ?? {});
    try {
      await inTime(together(kind, sees, facts ?? {}, records));
    } catch (error) {
      // Without the records nobody knows what the others have told: better twice than not at all.
      if (sees) await alone(kind, sees, facts ?? {});
      else onError(error);
    }
  }

  return {
    async look() {
      await Promise.all(Object.entries(checks).map(([kind, check]) => lookAt(kind as AlertKind, check)));
    },
    seen: () => [...seen],
  };
}
