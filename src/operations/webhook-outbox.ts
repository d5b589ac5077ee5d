/** Webhooks on their way: kept in the records until they are taken, so that a crash loses none, and tried again with growing gaps. */
import { isoTime } from "../core/conversation.ts";
import type { Records } from "../core/records.ts";

/** Sends one attempt; throws when it was not taken. */
export type SendWebhook = (id: string, body: string) => Promise<void>;

/** What became of an attempt. */
export type Outcome = "delivered" | "failed" | "dead";

/** A webhook that waits. Times in epoch milliseconds. */
interface Waiting {
  readonly body: string;
  readonly createdAt: number;
  /** How often it was tried. */
  readonly attempts: number;
  readonly nextAt: number;
}

/** What an outbox works with. */
export interface WebhookOutboxOptions {
  readonly records: Records;
  readonly send: SendWebhook;
  readonly onAttempt?: (outcome: Outcome, id: string, error: unknown) => void;
  readonly clock?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Webhooks on their way. */
export interface WebhookOutbox {
  /** Keeps one; the same ID again is the same webhook. Durable when it resolves; throws `StoreUnavailableError`. */
  add(id: string, body: string): Promise<void>;
  /** Tries what is due; answers how many were delivered. Safe on several servers: each attempt is one server's. */
  deliver(): Promise<number>;
  /** How many wait, and how many were given up within the last day. */
  counts(): Promise<{ waiting: number; dead: number; deadToday: number }>;
}

const KIND = "webhook";
const DEAD = "dead-letter";
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Gaps after the first, second … attempt; after the last attempt it is given up, about two days after it was made. */
export const GAPS_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
];

/** Longer than an attempt takes: what a server that died had begun is begun again by another. */
const LEASE_MS = MINUTE;
const DEAD_KEPT_MS = 30 * DAY;
const PAGE = 100;

async function all(records: Records, kind: string) {
  const found: Awaited<ReturnType<Records["list"]>> = [];
  for (;;) {
    const page = await records.list(kind, found.at(-1)?.key ?? null, PAGE);
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

/** Makes an outbox over records. */
export function createWebhookOutbox(options: WebhookOutboxOptions): WebhookOutbox {
  const { records, send, onAttempt = () => {}, clock = Date.now, random = Math.random } = options;

  async function attempt(id: string, waiting: Waiting, version: number): Promise<boolean> {
    const attempts = waiting.attempts + 1;
    const claimed = await records.put(KIND, id, { ...waiting, attempts, nextAt: clock() + LEASE_MS }, { ifVersion: version });
    // Another server has it.
    if (!claimed.won) return false;
    try {
      await send(id, waiting.body);
    } catch (error) {
      const gap = GAPS_MS[attempts - 1];
      if (gap === undefined) {
        const { body, createdAt } = waiting;
        // The dead letter first: a crash in between leaves it twice rather than nowhere.
        await records.put(DEAD, id, { body, createdAt: isoTime(createdAt), diedAt: clock(), attempts }, { until: clock() + DEAD_KEPT_MS });
        await records.remove(KIND, id);
      } else {
        const nextAt = clock() + gap * (0.8 + 0.4 * random());
        await records.put(KIND, id, { ...waiting, attempts, nextAt }, { ifVersion: claimed.version });
      }
      onAttempt(gap === undefined ? "dead" : "failed", id, error);
      return false;
    }
    await records.remove(KIND, id);
    onAttempt("delivered", id, undefined);
    return true;
  }

  return {
    async add(id, body) {
      const now = clock();
      await records.put(KIND, id, { body, createdAt: now, attempts: 0, nextAt: now }, { ifVersion: 0 });
    },

    async deliver() {
      let delivered = 0;
      const now = clock();
      for (const { key, value, version } of await all(records, KIND)) {
        const waiting = value as unknown as Waiting;
        // A clock that went back keeps nothing waiting for longer than its gap.
        const due = waiting.nextAt <= now || waiting.nextAt > now + 2 * DAY;
        if (due && (await attempt(key, waiting, version))) delivered++;
      }
      return delivered;
    },

    async counts() {
      const [waiting, dead] = await Promise.all([all(records, KIND), all(records, DEAD)]);
      const since = clock() - DAY;
      const deadToday = dead.filter(({ value }) => (value as { diedAt: number }).diedAt > since).length;
      return { waiting: waiting.length, dead: dead.length, deadToday };
    },
  };
}
