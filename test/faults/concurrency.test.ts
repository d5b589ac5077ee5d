import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { createRequests, ok } from "./requests.ts";
import { integrityOf, transcript } from "./stored.ts";
import { createWire, type Answer } from "./wire.ts";

const WRITERS = 50;
const EACH = 100;

/** What two answers to the same request may differ in. */
const OWN_HEADERS = new Set(["x-request-id", "idempotency-replayed", "date", "connection", "keep-alive"]);

/** Servers over one file, one after the other in turn. */
async function startServers(count: number): Promise<{ folder: string; next: () => string }> {
  const folder = temporaryFolder();
  const urls: string[] = [];
  for (let n = 0; n < count; n++) urls.push((await startMain({ folder, env: { LOG_LEVEL: "error" } })).url);
  let turn = 0;
  return { folder, next: () => urls[turn++ % urls.length]! };
}

function withoutOwn({ status, headers, text }: Answer): object {
  return { status, text, headers: Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name)) };
}

describe.each([
  ["one server", 1],
  ["two servers on one file", 2],
])("%s", (_, count) => {
  it("stores 5,000 messages of 50 writers once and without a gap, each sent twice at once", { timeout: 300_000 }, async () => {
    const { folder, next } = await startServers(count);
    const wire = createWire();
    const ledger = createLedger();
    const { create, on } = createRequests(wire, next, ledger);
    const id = await create();
    const differing: object[] = [];
    const started = performance.now();

    async function writer(number: number): Promise<void> {
      for (let n = 0; n < EACH; n++) {
        const content = `${number}-${n}`;
        const send = () => on(id, "POST", `/messages?window=${n % 3}`, { role: "user", content }, { "idempotency-key": content });
        const [one, other] = await Promise.all([send(), send()]);
        const replayed = [one, other].map(({ headers }) => headers["idempotency-replayed"]);
        const same = JSON.stringify(withoutOwn(one)) === JSON.stringify(withoutOwn(other));
        const oneDidIt = replayed.filter((each) => each === "true").length === 1;
        if (one.status !== 200 || !same || !oneDidIt) differing.push([withoutOwn(one), withoutOwn(other), replayed]);
        if (one.status === 200) ledger.appended(id, one.json<{ data: { messages: { seq: number }[] } }>().data.messages[0]!.seq, content);
      }
    }

    await Promise.all(Array.from({ length: WRITERS }, (__, number) => writer(number)));
    const ms = performance.now() - started;
    console.log(
      `${count} server(s): ${WRITERS * EACH * 2} requests of ${WRITERS} writers, ${((WRITERS * EACH * 2000) / ms).toFixed(0)} a second`,
    );
    const stored = new Map([[id, await transcript(wire, next(), id)]]);
    expect(differing).toEqual([]);
    expect(stored.get(id)).toHaveLength(WRITERS * EACH);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    expect(integrityOf(join(folder, "data/conversations.db"))).toBe("ok");
  });

  it("let one of fifty updates through that name the same version, and tell the others which it is now", async () => {
    const { next } = await startServers(count);
    const { create, on } = createRequests(createWire(), next, createLedger());
    const id = await create();
    for (let round = 1; round <= 5; round++) {
      const etag = ok(await on(id, "GET")).headers.etag!;
      const answers = await Promise.all(
        Array.from({ length: 50 }, (__, n) => on(id, "PUT", "", { metadata: { winner: `${round}-${n}` } }, { "if-match": etag })),
      );
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([200, ...Array.from({ length: 49 }, () => 412)]);
      const winner = answers.findIndex(({ status }) => status === 200);
      const now = ok(await on(id, "GET", "?touch=false"));
      expect(now.json()).toMatchObject({ data: { version: round + 1, metadata: { winner: `${round}-${winner}` } } });
      const versionIn = (tag: string | undefined): string | undefined => tag?.split("-")[0];
      for (const { headers } of answers) expect(versionIn(headers.etag)).toBe(versionIn(now.headers.etag));
    }
  });
});
