// Visitors of a server that may fail or die at any moment: each appends one message after another, under an
// Idempotency-Key, and repeats the same request until it is acknowledged.

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "./ledger.ts";
import { HungError, type Answer, type Wire } from "./wire.ts";

/** What the clients are told. */
export interface ClientOptions {
  readonly count: number;
  readonly wire: Wire;
  /** Where the server is now; with several, one of them. */
  readonly url: () => string;
  /** Takes what is acknowledged. */
  readonly ledger: Ledger;
  /** A client makes a new conversation before so many of its appends; never by default. */
  readonly createEvery?: number;
  /** Statuses that mean "again later"; none by default. */
  readonly later?: readonly number[];
  /** Told of each answer that is not 200. */
  readonly onRefusal?: (answer: Answer) => void;
}

/** Clients at work. */
export interface Clients {
  /** How often a request was sent again because its answer did not come. */
  readonly repeats: number;
  /** How many of the repeats were answered with what the first try had done. */
  readonly replays: number;
  /** Conversations that were acknowledged and are unknown now. Nobody writes to them any more. */
  readonly missing: readonly string[];
  /** Resolves when so many more appends were acknowledged than now; rejects if a client fails. */
  progress(appends: number): Promise<void>;
  /** Lets every client bring its present request to its end. Rejects if one was answered in a way that it cannot explain. */
  stop(): Promise<void>;
}

/** Before a request is sent again. */
const AGAIN_MS = 40;

/** Conversations that are written to at a time. */
const OPEN_AT_ONCE = 6;

/** The message of this content: always the same. Lengths vary, so that commits are small and large. */
export function messageFor(content: string): { role: string; content: string; padding: string } {
  const number = Buffer.from(content).reduce((sum, byte) => (sum * 31 + byte) % 65_521, 0);
  return { role: "user", content, padding: "x".repeat(number % ((number % 3000) + 1)) };
}

/** Starts the clients on conversations that they make themselves. */
export async function startClients(options: ClientOptions): Promise<Clients> {
  const { count, wire, url, ledger, createEvery = Infinity, later = [], onRefusal } = options;
  const seen = { repeats: 0, replays: 0, missing: [] as string[] };
  const open: string[] = [];
  let stopping = false;

  /** Sends until it is answered with 200 or 404. */
  async function persist(path: string, key: string, body: object): Promise<Answer> {
    for (;;) {
      try {
        const answer = await wire.send("POST", `${url()}/api/v1/conversations${path}`, { body, headers: { "idempotency-key": key } });
        if (answer.headers["idempotency-replayed"] === "true") seen.replays++;
        if (answer.status === 200 || answer.status === 404) return answer;
        onRefusal?.(answer);
        if (!later.includes(answer.status)) throw new Unexpected(`POST ${path} answered ${answer.status}: ${answer.text}`);
      } catch (error) {
        if (error instanceof Unexpected || error instanceof HungError) throw error;
        // Cut, or nobody is there: whether it was done is unknown, and the key makes that no matter.
      }
      seen.repeats++;
      await sleep(AGAIN_MS);
    }
  }

  async function create(key: string): Promise<void> {
    const answer = await persist("", key, {});
    if (answer.status !== 200) throw new Unexpected(`a creation answered ${answer.status}: ${answer.text}`);
    const { conversationId } = answer.json<{ conversationId: string }>();
    ledger.created(conversationId);
    open.push(conversationId);
    if (open.length > OPEN_AT_ONCE) open.shift();
  }

  async function append(content: string): Promise<void> {
    const id = open[randomInt(open.length)]!;
    const answer = await persist(`/${id}/messages`, content, messageFor(content));
    if (answer.status === 404) {
      seen.missing.push(id);
      if (open.includes(id)) open.splice(open.indexOf(id), 1);
      if (open.length === 0) await create(`instead of ${content}`.replaceAll(" ", "-"));
      return;
    }
    const { data } = answer.json<{ data: { messages: { seq: number }[] } }>();
    ledger.appended(id, data.messages[0]!.seq, content);
  }

  async function client(number: number): Promise<void> {
    for (let n = 1; !stopping; n++) {
      if (n % createEvery === 0) await create(`create-${number}-${n}`);
      await append(`${number}-${n}`);
    }
  }

  for (let n = 0; n < OPEN_AT_ONCE; n++) await create(`first-${n}`);
  let failed: unknown = null;
  const all = Promise.all(Array.from({ length: count }, (_, number) => client(number)));
  all.catch((error: unknown) => (failed = error));
  return {
    get repeats() {
      return seen.repeats;
    },
    get replays() {
      return seen.replays;
    },
    missing: seen.missing,
    async progress(appends) {
      const wanted = ledger.appends + appends;
      while (ledger.appends < wanted) {
        if (failed !== null) throw failed;
        await sleep(5);
      }
    },
    async stop() {
      stopping = true;
      await all;
    },
  };
}

/** An answer that nothing explains. */
class Unexpected extends Error {}
