// Two servers behind each other's back over the same stores: whichever answers, the chat is one.

import { randomUUID } from "node:crypto";
import { createClient } from "redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { describeWith } from "../engines.ts";
import { freshSchema } from "../postgres.ts";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { createWire, type Wire } from "../faults/wire.ts";
import { createLedger, ALL_WELL } from "../faults/ledger.ts";
import { startClients } from "../faults/appending-clients.ts";
import { listAll, transcripts } from "../faults/stored.ts";
import { startAlternatingProxy, type AlternatingProxy } from "./alternating-proxy.ts";
import { journey } from "./journey.ts";

type Variables = Readonly<Record<string, string>>;

/** Two processes that start at the same moment, each in a folder of its own. */
async function twoServers(env: Variables): Promise<AlternatingProxy> {
  const servers = await Promise.all([1, 2].map(() => startMain({ folder: temporaryFolder(), env: { LOG_LEVEL: "error", ...env } })));
  // The schema is removed after the test, and they must have let go of it by then.
  onTestFinished(async () => {
    for (const { child } of servers) child.kill("SIGTERM");
    await Promise.all(servers.map(({ ended }) => ended));
  });
  return startAlternatingProxy(servers.map(({ url }) => url));
}

/** Where it is kept is told once; the password is told by nobody. */
async function database(at: string): Promise<string> {
  const schema = await freshSchema(at);
  onTestFinished(() => schema.dispose());
  return schema.url;
}

async function redisAddress(at: string): Promise<string> {
  const prefix = `itera-test-${randomUUID().slice(0, 8)}:`;
  onTestFinished(async () => {
    const client = await createClient({ url: at }).connect();
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*` })) if (keys.length > 0) await client.unlink(keys);
    await client.close();
  });
  const url = new URL(at);
  url.searchParams.set("prefix", prefix);
  return url.href;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { readonly conversationId: string; readonly data: Record<string, unknown> };
}

async function call(wire: Wire, method: string, url: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await wire.send(method, url, { ...(body ? { body } : {}), headers });
  return { status: answer.status, headers: answer.headers, body: answer.json<Answer["body"]>() };
}

/** What must hold over each pair of stores. */
function promises(variables: () => Promise<Variables>): void {
  it("a chat goes from its beginning to the archive and back, each step at the other server", { timeout: 120_000 }, async () => {
    const { url, served } = await twoServers(await variables());
    const results = await journey(url);
    expect(results.filter(({ outcome }) => outcome !== "ok").map(({ name, said }) => `${name}: ${said}`)).toEqual([]);
    expect(Math.abs(served[0]! - served[1]!)).toBeLessThanOrEqual(1);
  });

  it("a request repeated at the other server adds nothing, and a page is continued there", { timeout: 120_000 }, async () => {
    const { url } = await twoServers(await variables());
    const wire = createWire();
    const base = `${url}/api/v1/conversations`;
    const create = () => call(wire, "POST", base, { source: "two" }, { "idempotency-key": "one" });
    const [first, again] = [await create(), await create()];
    expect(again.headers["idempotency-replayed"]).toBe("true");
    expect(again.body.conversationId).toBe(first.body.conversationId);
    const path = `${base}/${first.body.conversationId}`;
    const append = () => call(wire, "POST", `${path}/messages`, { role: "user", content: "Ciao" }, { "idempotency-key": "two" });
    // Both at once, each at another server.
    const answers = await Promise.all([append(), append()]);
    expect(answers.map(({ status, body }) => [status, body.data["messageCount"]])).toEqual([
      [200, 1],
      [200, 1],
    ]);
    for (let n = 0; n < 3; n++) await call(wire, "POST", base, { source: "two" });
    // Where live conversations are apart, the list hears of them a moment later.
    const listed = async () => (await wire.send("GET", `${base}?source=two`)).json<{ data: unknown[] }>().data.length;
    await expect.poll(listed, { timeout: 30_000 }).toBe(4);
    const page = await wire.send("GET", `${base}?source=two&limit=2`);
    const { data, nextCursor } = page.json<{ data: { id: string }[]; nextCursor: string }>();
    const next = await wire.send("GET", `${base}?source=two&limit=2&cursor=${encodeURIComponent(nextCursor)}`);
    const ids = [...data, ...next.json<{ data: { id: string }[] }>().data].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  it("twenty writers at both of them lose nothing and double nothing", { timeout: 120_000 }, async () => {
    const { url } = await twoServers(await variables());
    const wire = createWire();
    const ledger = createLedger();
    const clients = await startClients({ count: 20, wire, url: () => url, ledger, createEvery: 20 });
    await clients.progress(400);
    await clients.stop();
    await expect.poll(async () => (await listAll(wire, url)).length, { timeout: 30_000 }).toBe(ledger.conversations.length);
    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
  });
}

describeWith("postgresql", "two servers over one PostgreSQL", (at) => {
  promises(async () => ({ DATABASE_URL: await database(at) }));
});

describeWith("redis", "two servers over Redis", (redisAt) => {
  describeWith("postgresql", "before PostgreSQL", (at) => {
    promises(async () => ({ DATABASE_URL: await database(at), HOT_STORE_URL: await redisAddress(redisAt) }));
  });

  describe("before a file that both have", () => {
    promises(async () => ({ DATABASE_URL: `sqlite:${temporaryFolder()}/chats.db`, HOT_STORE_URL: await redisAddress(redisAt) }));
  });
});
