// Live conversations in PostgreSQL: many writers on many servers, what a turn costs, leases, and marks beside changes that are being committed.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { postgresHotStore } from "../../src/adapters/postgres/hot-store.ts";
import type { PgPoolLike } from "../../src/adapters/postgres/pool.ts";
import { happened, numbers, sameWhole } from "../../src/conformance/expectations.ts";
import { archivedAt, DAY, HOUR, makeMessage, makeWhole, texts } from "../../src/conformance/make-conversation.ts";
import type { Change, HotStore } from "../../src/core/hot-store.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema, type Schema } from "../postgres.ts";

/** What EXPLAIN answers in JSON. */
interface Explained {
  "QUERY PLAN": { Plan: Record<string, number> }[];
}

describeWith("postgresql", "live conversations in PostgreSQL", (at) => {
  let schema: Schema;
  let pool: pg.Pool;
  let hot: HotStore;

  function server(max: number): HotStore {
    return postgresHotStore(schema.openPool({ max }), { directory: false });
  }

  beforeEach(async () => {
    schema = await migratedSchema(at);
    pool = schema.openPool({ max: 5 });
    hot = postgresHotStore(pool, { directory: false });
  });
  afterEach(async () => {
    await hot.close();
    await schema.dispose();
  });

  async function one<T>(text: string, values: unknown[] = []): Promise<T> {
    return (await pool.query({ text, values })).rows[0] as T;
  }

  function turn(i: number): Change {
    const now = Date.now();
    return {
      now,
      require: { openAt: now, maxMessages: 50_000, maxBytes: 2 ** 24 },
      append: [makeMessage(`by ${i}`)],
      session: { step: `${i}` },
      activity: true,
      touch: { lastAccess: now, expiresAt: now + 2 * DAY, capMs: 7 * DAY },
      window: 5,
    };
  }

  it("50 writers on each of 4 servers leave no gap, lose nothing, and each is answered its own window", async () => {
    const servers = numbers(1, 4).map(() => server(10));
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["first"]))).head;
    const answers = await Promise.all(
      servers.flatMap((here, s) => numbers(1, 50).map(async (i) => happened(await here.commit(id, turn(s * 50 + i))))),
    );
    const { messages } = (await hot.read(id, Infinity))!;
    expect(messages.map(({ seq }) => seq)).toEqual(numbers(1, 201));
    expect(new Set(messages.map(({ body }) => body)).size).toBe(201);
    for (const { placed, head, window } of answers) {
      const { seq } = placed[0]!;
      expect(head.lastSeq).toBe(seq);
      expect(window).toEqual(messages.slice(Math.max(0, seq - 5), seq));
    }
    expect((await hot.heads([id]))[0]?.version).toBe(201);
  });

  it("they all succeed where the database makes every transaction serializable", async () => {
    const url = new URL(schema.url);
    url.searchParams.set("options", `${url.searchParams.get("options")} -c default_transaction_isolation=serializable`);
    const strictPool = new pg.Pool({ connectionString: url.href, max: 10 });
    expect((await strictPool.query("SHOW transaction_isolation")).rows).toEqual([{ transaction_isolation: "serializable" }]);
    const strict = postgresHotStore(strictPool, { directory: false });
    const wholes = numbers(1, 4).map(() => makeWhole(Date.now(), ["first"]));
    for (const whole of wholes) happened(await strict.create(whole));
    await Promise.all(wholes.flatMap(({ head }) => numbers(1, 10).map(async (i) => happened(await strict.commit(head.id, turn(i))))));
    for (const { head } of wholes) {
      expect((await strict.read(head.id, Infinity))?.messages.map(({ seq }) => seq)).toEqual(numbers(1, 11));
    }
    await strictPool.end();
  });

  it("a reader never sees a head without its messages", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["first"]))).head;
    const other = server(4);
    let isDone = false;
    const reading = (async () => {
      while (!isDone) {
        const { head, messages } = (await other.read(id, 3))!;
        assert.equal(messages.at(-1)?.seq, head.lastSeq);
        assert.equal(messages.length, Math.min(3, head.lastSeq));
      }
    })();
    for (const i of numbers(1, 60)) happened(await hot.commit(id, turn(i)));
    isDone = true;
    await reading;
  });

  it("turns change nothing that is indexed, and so stay in their page", async () => {
    const ids: string[] = [];
    for (const whole of numbers(1, 5).map(() => makeWhole(Date.now(), texts(3)))) ids.push(happened(await hot.create(whole)).head.id);
    for (const i of numbers(1, 100)) for (const id of ids) happened(await hot.commit(id, turn(i)));
    // The statistics come a moment later.
    type Updates = { updates: number; hot: number };
    const updates = (): Promise<Updates> =>
      one(
        `SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relid = 'conversation_live'::regclass`,
      );
    let seen = await updates();
    for (let i = 0; i < 200 && seen.updates < 500; i++) {
      await sleep(50);
      seen = await updates();
    }
    expect(seen.updates).toBeGreaterThanOrEqual(500);
    // Almost all of them; fewer while somebody else on this server keeps old rows in sight. With an index that moves it would be none.
    expect(seen.hot / seen.updates).toBeGreaterThan(0.5);
  });

  it("a turn reads as many pages at 10 messages as at 49,000", async () => {
    const pagesOf = async (count: number) => {
      const whole = makeWhole(Date.now() - DAY, [], { lastSeq: count, expiresAt: Date.now() + DAY });
      const { id } = happened(await hot.create(whole)).head;
      await pool.query(
        `INSERT INTO conversation_messages (n, seq, stored_at, key, digest, body, size)
          SELECT l.n, i, 1, 'r:' || i, NULL, '{"role":"user","content":"Quanto costa un toner?"}', 50
            FROM conversation_live l, generate_series(1, $2) i WHERE l.id = $1`,
        [id, count],
      );
      // On one connection, so that only the first call makes plans.
      const client = await pool.connect();
      try {
        const pages: number[] = [];
        // Runs a commit as EXPLAIN does: it happens, and what is answered is how many pages it took.
        const explaining: PgPoolLike = {
          async query({ text, values = [] }) {
            const { rows } = await client.query<Explained>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
            const { Plan } = rows[0]!["QUERY PLAN"][0]!;
            pages.push(Plan["Shared Hit Blocks"]! + Plan["Shared Read Blocks"]!);
            return { rows: [{ answer: '["absent"]' }] };
          },
        };
        const explained = postgresHotStore(explaining, { directory: false });
        for (const i of numbers(1, 30)) {
          const once = { key: `once ${i}`, fingerprint: "print", until: Date.now() + DAY };
          await explained.commit(id, { ...turn(i), append: [makeMessage("sì", `m${i}`)], once, window: 20 });
        }
        expect((await hot.read(id, 1))?.head.lastSeq).toBe(count + 30);
        // The middle one: now and then a page is full, or an index page splits.
        return pages.toSorted((a, b) => a - b)[15]!;
      } finally {
        client.release();
      }
    };
    const few = await pagesOf(10);
    const many = await pagesOf(49_000);
    // An index of 49,000 is two levels deeper.
    expect(many).toBeLessThan(few * 1.2 + 12);
  });

  it("the expiry index may be early: what was extended is set right and left alone, and what is due behind it is found", async () => {
    const now = Date.now();
    const early: string[] = [];
    for (const i of numbers(1, 30)) {
      const { id } = happened(await hot.create(makeWhole(now - DAY, ["one"], { expiresAt: now - 2 * HOUR + i }))).head;
      early.push(id);
      happened(await hot.commit(id, { now, touch: { expiresAt: now + DAY + i } }));
    }
    const due = happened(await hot.create(makeWhole(now - DAY, ["one"], { expiresAt: now - HOUR }))).head;
    const index = `SELECT count(*)::int AS early FROM conversation_live WHERE due < expires_at`;
    expect(await one(index)).toEqual({ early: 30 });
    expect((await hot.take("expire", now, 5, HOUR)).map(({ id }) => id)).toEqual([due.id]);
    expect(await one(index)).toEqual({ early: 0 });
    expect((await hot.take("expire", now + 2 * DAY, 100, HOUR)).map(({ id }) => id)).toEqual(early);
  });

  it("what somebody is changing just now is not waited for", async () => {
    const now = Date.now();
    const busy = happened(await hot.create(makeWhole(now - DAY, ["one"], { expiresAt: now - HOUR }), { events: [] })).head;
    const free = happened(await hot.create(makeWhole(now - DAY, ["one"], { expiresAt: now - 1 }))).head;
    const other = await pool.connect();
    try {
      await other.query("BEGIN");
      await other.query("SELECT 1 FROM conversation_live WHERE id = $1 FOR UPDATE", [busy.id]);
      await other.query("SELECT 1 FROM conversation_outbox WHERE id = $1 FOR UPDATE", [busy.id]);
      expect((await hot.take("expire", now, 10, HOUR)).map(({ id }) => id)).toEqual([free.id]);
      expect((await hot.outbox(10, HOUR)).map(({ id }) => id)).toEqual([free.id]);
      await other.query("ROLLBACK");
    } finally {
      other.release();
    }
    expect((await hot.take("expire", now, 10, HOUR)).map(({ id }) => id)).toEqual([busy.id]);
    expect((await hot.outbox(10, HOUR)).map(({ id }) => id)).toEqual([busy.id]);
  });

  it("a mark that is delivered while another change is being committed is not lost", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["one"]))).head;
    const [mark] = await hot.outbox(10, HOUR);
    const other = await pool.connect();
    try {
      await other.query("BEGIN");
      // What a commit does until its end: it takes the row, sees the mark, and moves the version.
      await other.query("UPDATE conversation_live SET version = version + 1 WHERE id = $1", [id]);
      const delivering = hot.delivered([mark!.n]);
      await sleep(200);
      await other.query("COMMIT");
      await delivering;
    } finally {
      other.release();
    }
    const [again] = await hot.outbox(10, HOUR);
    expect(again).toMatchObject({ id, version: 2, event: null });
    await hot.delivered([again!.n]);
    expect(await hot.outbox(10, HOUR)).toEqual([]);
  });

  it("a mark of an earlier stay that is delivered late does not take that of the later one", async () => {
    const whole = makeWhole(Date.now() - DAY, ["one"], archivedAt(Date.now()));
    happened(await hot.create(whole));
    const [old] = await hot.outbox(10, HOUR);
    expect(await hot.remove(whole.head.id, whole.head.version)).toBe(true);
    happened(await hot.create(whole));
    await hot.delivered([old!.n]);
    const items = await hot.outbox(10, HOUR);
    expect(items.map(({ id, event }) => [id, event])).toEqual([[whole.head.id, null]]);
    await hot.delivered(items.map(({ n }) => n));
    expect(await hot.outbox(10, HOUR)).toEqual([]);
  });

  it("what a hundred commits hand out is delivered once each by 4 servers that pass on at the same time", async () => {
    const ids: string[] = [];
    for (const whole of numbers(1, 10).map(() => makeWhole(Date.now()))) ids.push(happened(await hot.create(whole)).head.id);
    const delivered: string[] = [];
    let isDone = false;
    const servers = numbers(1, 4).map(() => server(2));
    const passing = servers.map(async (here) => {
      for (;;) {
        const isLast = isDone;
        const items = await here.outbox(7, HOUR);
        delivered.push(...items.filter(({ event }) => event).map(({ n }) => n));
        await here.delivered(items.map(({ n }) => n));
        if (isLast && items.length === 0) return;
      }
    });
    for (const i of numbers(1, 10)) {
      await Promise.all(
        ids.map(async (id) => happened(await hot.commit(id, { ...turn(i), events: [{ type: "extended", at: i, details: { i } }] }))),
      );
    }
    isDone = true;
    await Promise.all(passing);
    expect(delivered).toHaveLength(100);
    expect(new Set(delivered).size).toBe(100);
    expect(await one("SELECT count(*)::int AS left FROM conversation_outbox")).toEqual({ left: 0 });
  });

  it("works through a driver that is not told to prepare anything", async () => {
    const plain = postgresHotStore(pool, { directory: false, prepare: false });
    const whole = makeWhole(Date.now(), texts(3));
    happened(await plain.create(whole));
    sameWhole(await plain.read(whole.head.id, Infinity), whole);
    expect(await one("SELECT count(*)::int AS prepared FROM pg_prepared_statements")).toEqual({ prepared: 0 });
  });
});
