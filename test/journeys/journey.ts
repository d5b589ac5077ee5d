// A chat from the door to the archive and back, as steps over HTTP: what every deployed address must do, whatever its stores are.

import assert from "node:assert/strict";
import { NotSupported, Unreachable, visitorOf, type Visitor } from "./visitor.ts";

/** How a step went. `not supported`: the store says 501, with the reason. */
export interface StepResult {
  readonly name: string;
  readonly outcome: "ok" | "failed" | "not supported";
  readonly said: string;
  readonly ms: number;
}

/** What the steps share: the conversation that goes through them. */
interface Trip {
  readonly visitor: Visitor;
  id: string;
  etag: string;
  readonly said: Record<string, unknown>[];
}

interface Step {
  readonly name: string;
  readonly run: (trip: Trip) => Promise<void>;
}

const BASE = "/api/v1/conversations";
/** Of an environment that no server leaves out of its IDs and of a time before there were any. */
const UNKNOWN = "ITERA_20000101_000000_AAAAAAAAAAAA_";
const ID = /^[A-Z][A-Z0-9]{1,15}_\d{8}_\d{6}_[A-Z0-9]{12}_[PSD]$/;
const HOUR = 3_600_000;
const SETTLE_MS = 15_000;

const at = ({ id }: Trip, path = ""): string => `${BASE}/${id}${path}`;

async function append(trip: Trip, body: unknown, headers: Record<string, string> = {}, window = 2) {
  return trip.visitor.expect(200, "POST", at(trip, `/messages?window=${window}`), { body, headers });
}

async function transcriptIs(trip: Trip): Promise<void> {
  const { json } = await trip.visitor.expect(200, "GET", at(trip, "?touch=false"));
  assert.deepEqual(json.data.messages, trip.said);
  assert.equal(json.data.messageCount, trip.said.length);
}

/** What is passed on shows within some seconds. */
async function soon(check: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + SETTLE_MS;
  while (!(await check())) {
    assert.ok(Date.now() < end, `${what} within ${SETTLE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const STEPS: readonly Step[] = [
  {
    name: "it is alive, healthy and ready",
    async run({ visitor }) {
      for (const path of ["/livez", "/health", "/readyz"]) {
        const { json } = await visitor.expect(200, "GET", path);
        assert.ok(["ok", "degraded"].includes(json.status), `${path} says ${json.status}`);
      }
    },
  },
  {
    name: "a conversation is created",
    async run(trip) {
      const body = { source: "journey", userAgent: "journey/1", initialContext: { page: "/prezzi", source: "forged" } };
      const { json, headers } = await trip.visitor.expect(200, "POST", BASE, { body });
      assert.match(json.conversationId, ID);
      assert.equal(json.data.status, "active");
      assert.deepEqual(
        { ...json.data.metadata, clientIP: null },
        { source: "journey", userAgent: "journey/1", page: "/prezzi", clientIP: null },
      );
      trip.id = json.conversationId;
      trip.etag = headers.get("etag") ?? "";
      assert.match(trip.etag, /^"/);
    },
  },
  {
    name: "it is read back, and only if it changed",
    async run(trip) {
      const { headers } = await trip.visitor.expect(200, "GET", at(trip, "?touch=false"));
      await trip.visitor.expect(304, "GET", at(trip, "?touch=false"), { headers: { "if-none-match": headers.get("etag")! } });
    },
  },
  {
    name: "what is wrong is refused in one envelope",
    async run(trip) {
      const { visitor } = trip;
      await visitor.refused(404, "not_found", "GET", `${BASE}/${UNKNOWN}${trip.id.slice(-1)}`);
      await visitor.refused(400, "invalid_id", "GET", `${BASE}/nobody`);
      await visitor.refused(404, "not_found", "GET", "/api/v1/nothing");
      const { headers } = await visitor.refused(405, "method_not_allowed", "PATCH", at(trip));
      assert.match(headers.get("allow") ?? "", /GET/);
      await visitor.refused(400, "invalid_input", "POST", at(trip, "/messages"), { body: "{" });
      await visitor.refused(415, "unsupported_media_type", "POST", at(trip, "/messages"), {
        body: "hi",
        headers: { "content-type": "text/plain" },
      });
    },
  },
  {
    name: "a message is appended and the window comes with it",
    async run(trip) {
      const message = { role: "user", content: "Buongiorno, la stampante è in fiamme 🔥" };
      trip.said.push(message);
      const { json } = await append(trip, message);
      assert.deepEqual(json.data.window, [message]);
      assert.equal(json.data.messageCount, 1);
    },
  },
  {
    name: "an answer and the bot's state are stored in one commit",
    async run(trip) {
      const message = { role: "assistant", content: "È urgente?" };
      trip.said.push(message);
      const state = { step: "urgency", context: { language: "it" }, leadData: { name: "Lucia" } };
      const { json } = await append(trip, { messages: [message], state });
      assert.deepEqual(json.data.window, trip.said);
      const read = await trip.visitor.expect(200, "GET", at(trip));
      const { step, context, leadData } = read.json.data.metadata;
      assert.deepEqual({ step, context, leadData }, state);
    },
  },
  {
    name: "a message with an id is stored once; with other content it is a conflict",
    async run(trip) {
      const message = { id: "m-1", role: "user", content: "sì" };
      trip.said.push(message);
      await append(trip, message);
      assert.equal((await append(trip, message)).json.data.messageCount, trip.said.length);
      await trip.visitor.refused(409, "conflict", "POST", at(trip, "/messages"), { body: { ...message, content: "no" } });
      await transcriptIs(trip);
    },
  },
  {
    name: "a request repeated under its idempotency key adds nothing",
    async run(trip) {
      const message = { role: "user", content: "Mi richiami, per favore" };
      const headers = { "idempotency-key": `journey-${trip.id}` };
      const first = await append(trip, message, headers);
      trip.said.push(message);
      const again = await append(trip, message, headers);
      assert.deepEqual(again.json, first.json);
      assert.equal(again.headers.get("idempotency-replayed"), "true");
      await trip.visitor.refused(422, "idempotency_key_reused", "POST", at(trip, "/messages?window=2"), {
        body: { ...message, more: 1 },
        headers,
      });
      await transcriptIs(trip);
    },
  },
  {
    name: "messages are read in pages",
    async run(trip) {
      const { json } = await trip.visitor.expect(200, "GET", at(trip, "/messages?after=1&limit=1"));
      const page = json.data as unknown as { seq: number; message: unknown }[];
      assert.deepEqual(
        page.map(({ seq, message }) => ({ seq, message })),
        [{ seq: 2, message: trip.said[1] }],
      );
      assert.equal(json.nextCursor, 2);
    },
  },
  {
    name: "metadata is merged, and a stale writer is refused",
    async run(trip) {
      const { headers } = await trip.visitor.expect(200, "PUT", at(trip), { body: { metadata: { vip: true, page: null } } });
      const { json } = await trip.visitor.expect(200, "GET", at(trip));
      assert.equal(json.data.metadata["vip"], true);
      assert.ok(!("page" in json.data.metadata));
      await trip.visitor.refused(412, "version_mismatch", "PUT", at(trip), {
        body: { metadata: { vip: false } },
        headers: { "if-match": trip.etag },
      });
      trip.etag = headers.get("etag")!;
      await trip.visitor.refused(400, "invalid_input", "PUT", at(trip), { body: { metadata: { source: "forged" } } });
    },
  },
  {
    name: "the expiry is moved, within its limit",
    async run(trip) {
      const { json } = await trip.visitor.expect(200, "PUT", at(trip, "/extend"), { body: { extensionHours: 100, reason: "journey" } });
      assert.equal(json.extended, 100);
      assert.ok(Date.parse(json.data.expiresAt!) > Date.now() + 99 * HOUR);
      const refused = await trip.visitor.refused(400, "invalid_input", "PUT", at(trip, "/extend"), { body: { extensionHours: 1_000_000 } });
      assert.match(refused.json.error, /^Extension hours must be between 1 and \d+/);
    },
  },
  {
    name: "twenty who write at once are all stored, in one order",
    async run(trip) {
      const messages = Array.from({ length: 20 }, (_, index) => ({ id: `w-${index}`, role: "user", content: `scrivo ${index}` }));
      await Promise.all(messages.map((message) => append(trip, message, {}, 0)));
      const { json } = await trip.visitor.expect(200, "GET", at(trip, "?touch=false"));
      const added = json.data.messages.slice(trip.said.length);
      assert.deepEqual(added.map((message) => String(message["id"])).toSorted(), messages.map(({ id }) => id).toSorted());
      trip.said.push(...added);
      await transcriptIs(trip);
    },
  },
  {
    name: "it is completed, once",
    async run(trip) {
      const { json } = await trip.visitor.expect(200, "POST", at(trip, "/complete"));
      assert.equal(json.data.status, "completed");
      const again = await trip.visitor.expect(200, "POST", at(trip, "/complete"));
      assert.equal(again.json.data.version, json.data.version);
    },
  },
  {
    name: "it is archived, and read whole from there",
    async run(trip) {
      const { json } = await trip.visitor.expect(200, "DELETE", at(trip), { body: { reason: "journey" } });
      assert.deepEqual([json.data.status, json.data.archiveReason, json.data.expiresAt], ["archived", "journey", null]);
      const again = await trip.visitor.expect(200, "DELETE", at(trip, "?reason=other"));
      assert.equal(again.json.data.archiveReason, "journey");
      await transcriptIs(trip);
      await trip.visitor.refused(409, "conflict", "POST", at(trip, "/complete"));
    },
  },
  {
    name: "a message brings it back, and it is archived again",
    async run(trip) {
      const message = { role: "user", content: "Ancora una cosa" };
      trip.said.push(message);
      await append(trip, message);
      const { json } = await trip.visitor.expect(200, "GET", at(trip, "?messages=none"));
      assert.equal(json.data.status, "active");
      await trip.visitor.expect(200, "DELETE", at(trip));
      await transcriptIs(trip);
    },
  },
  {
    name: "operators find it in the list",
    async run(trip) {
      const found = async () => {
        const { json } = await trip.visitor.expect(200, "GET", `${BASE}?source=journey&status=archived&limit=100`);
        return (json.data as unknown as { id: string }[]).some(({ id }) => id === trip.id);
      };
      await soon(found, "it is in the list");
    },
  },
  {
    name: "its events are told in order",
    async run(trip) {
      const told = async () => {
        const { json } = await trip.visitor.expect(200, "GET", at(trip, "/events?limit=100"));
        return (json.data as unknown as { event: string }[]).map(({ event }) => event).join(" ");
      };
      await soon(async () => (await told()) === "created extended completed archived reactivated archived", "its events are all there");
    },
  },
  {
    name: "days are counted",
    async run({ visitor }) {
      const days = async () => {
        const { json } = await visitor.expect(200, "GET", "/api/v1/analytics");
        return (json.data as unknown as { totals: { total: number } }).totals.total > 0;
      };
      await soon(days, "today is counted");
    },
  },
  {
    name: "it is erased, for good",
    async run(trip) {
      const { json } = await trip.visitor.expect(200, "POST", at(trip, "/erase"), { body: { reason: "journey" } });
      assert.equal(json.receipt.id, trip.id);
      await trip.visitor.refused(410, "gone", "GET", at(trip));
      await trip.visitor.refused(410, "gone", "POST", at(trip, "/messages"), { body: { role: "user", content: "?" } });
    },
  },
];

/** Makes the journey at an address. `key`: an API key, where one is needed. Never throws; once no conversation could be created, the rest fails. */
export async function journey(
  url: string,
  { key, done, patienceMs }: { key?: string | undefined; done?: (result: StepResult) => void; patienceMs?: number } = {},
): Promise<StepResult[]> {
  const trip: Trip = { visitor: visitorOf(url, key, patienceMs), id: "", etag: "", said: [] };
  const results: StepResult[] = [];
  for (const { name, run } of STEPS) {
    const started = performance.now();
    let outcome: StepResult["outcome"] = "ok";
    let said = "";
    let unreachable = false;
    try {
      await run(trip);
    } catch (error) {
      outcome = error instanceof NotSupported ? "not supported" : "failed";
      said = error instanceof Error ? error.message : String(error);
      unreachable = error instanceof Unreachable;
      if (error instanceof Unreachable && error.cause instanceof Error) {
        const { cause, message } = error.cause;
        said += `: ${cause instanceof Error ? cause.message : message}`;
      }
    }
    const result = { name, outcome, said, ms: Math.round(performance.now() - started) };
    results.push(result);
    done?.(result);
    // The others would wait for nothing as well.
    if (unreachable) break;
  }
  return results;
}
