// What the stores over PostgreSQL say when the database fails, and what is removed for good after a wiping.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { postgresHotStore } from "../../src/adapters/postgres/hot-store.ts";
import type { PgPoolLike } from "../../src/adapters/postgres/pool.ts";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { postgresRecords } from "../../src/adapters/postgres/records.ts";
import { happened, numbers } from "../../src/conformance/expectations.ts";
import { HOUR, makeMessage, makeWhole, texts } from "../../src/conformance/make-conversation.ts";
import { InvalidInputError, StoredDataError, StoreUnavailableError } from "../../src/core/errors.ts";
import type { Change, HotStore } from "../../src/core/hot-store.ts";
import { describeWith } from "../engines.ts";
import { freshSchema, migratedSchema, withClient, type Schema } from "../postgres.ts";

function wiping(now: number): Change {
  return { now, step: { from: ["active"], to: "archived", reason: "manual" }, wipe: true };
}

describeWith("postgresql", "failures of PostgreSQL", (at) => {
  let schema: Schema;
  let pool: pg.Pool;
  let hot: HotStore;

  beforeEach(async () => {
    schema = await migratedSchema(at);
    pool = schema.openPool({ max: 3 });
    hot = postgresHotStore(pool, { directory: false });
  });
  afterEach(async () => {
    await hot.close();
    await schema.dispose();
  });

  async function unavailable(promise: Promise<unknown>): Promise<StoreUnavailableError> {
    const error: unknown = await promise.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof StoreUnavailableError, String(error));
    return error;
  }

  it("a database without the tables says what to run", async () => {
    const empty = await freshSchema(at);
    const nowhere = empty.openPool();
    const here = postgresHotStore(nowhere, { directory: false });
    const calls = [
      () => here.read("x", 1),
      () => here.commit("x", { now: 1 }),
      () => here.probe(),
      () => here.scrub(),
      () => postgresRecords(nowhere).get("job", "a"),
      () => postgresStores({ pool: nowhere }),
    ];
    for (const call of calls) expect((await unavailable(call())).message).toContain("itera migrate");
    await empty.dispose();
  });

  it("a database that was made for other IDs is refused", async () => {
    await expect(postgresStores({ pool, idPrefix: "OTHER" })).rejects.toThrow(InvalidInputError);
    expect((await postgresStores({ pool, idPrefix: "ITERA" })).idPrefix).toBe("ITERA");
  });

  it("nobody there, or nobody who answers, is a store that is unavailable, with the cause", async () => {
    const silent = createServer((socket) => void socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const waiting = new pg.Pool({ host: "127.0.0.1", port, connectionTimeoutMillis: 100 });
    const silence = await unavailable(postgresHotStore(waiting).read("x", 1));
    expect(silence.cause).toBeInstanceOf(Error);
    await waiting.end();
    await new Promise((resolve) => silent.close(resolve));
    const refused = new pg.Pool({ host: "127.0.0.1", port });
    expect((await unavailable(postgresHotStore(refused).read("x", 1))).cause).toMatchObject({ code: "ECONNREFUSED" });
    await refused.end();
    expect((await unavailable(postgresHotStore(refused).read("x", 1))).cause).toBeInstanceOf(Error);
  });

  it("a connection that is terminated under a call fails that call alone", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["one"]))).head;
    await withClient(schema.url, async (other) => {
      await other.query("BEGIN");
      await other.query("SELECT 1 FROM conversation_live FOR UPDATE");
      const blocked = unavailable(hot.commit(id, { now: Date.now(), append: [makeMessage("lost")] }));
      const waiters = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";
      for (;;) if ((await other.query(waiters, [schema.schema])).rowCount === 1) break;
      expect((await blocked).cause).toMatchObject({ code: "57P01" });
      await other.query("ROLLBACK");
    });
    expect(happened(await hot.commit(id, { now: Date.now(), append: [makeMessage("two")] })).head.lastSeq).toBe(2);
  });

  it("a statement that takes too long is unavailable, and nothing of it is stored", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["one"]))).head;
    const hasty = postgresHotStore(schema.openPool({ max: 1, statement_timeout: 100 }), { directory: false });
    await withClient(schema.url, async (other) => {
      await other.query("BEGIN");
      await other.query("SELECT 1 FROM conversation_live FOR UPDATE");
      expect((await unavailable(hasty.commit(id, { now: 1, append: [makeMessage("late")] }))).cause).toMatchObject({ code: "57014" });
      await other.query("ROLLBACK");
    });
    expect((await hasty.read(id, 5))?.messages).toHaveLength(1);
  });

  it("a database that takes no writes is unavailable for them, and is read", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), ["one"]))).head;
    const url = new URL(schema.url);
    url.searchParams.set("options", `${url.searchParams.get("options")} -c default_transaction_read_only=on`);
    const standby = new pg.Pool({ connectionString: url.href, max: 1 });
    const there = postgresHotStore(standby, { directory: false });
    expect((await unavailable(there.commit(id, { now: 1, activity: true }))).cause).toMatchObject({ code: "25006" });
    expect((await there.read(id, 5))?.messages).toHaveLength(1);
    await standby.end();
  });

  it("what is wrong with a call is no matter of the store", async () => {
    const broken: PgPoolLike = { query: () => Promise.reject(new TypeError("not a function")) };
    await expect(postgresHotStore(broken).read("x", 1)).rejects.toThrow(TypeError);
    await expect(hot.commit("x", { now: Number.NaN })).rejects.not.toThrow(StoreUnavailableError);
  });

  it("a stored record that is damaged is said to be so; all others are answered", async () => {
    const ids: string[] = [];
    for (const i of numbers(1, 3)) {
      const whole = makeWhole(Date.now() - HOUR, ["one"], { expiresAt: Date.now() - HOUR / 2 + i });
      ids.push(happened(await hot.create(whole)).head.id);
    }
    const [first, damaged, last] = ids;
    await pool.query({ text: `UPDATE conversation_live SET metadata = '{"half' WHERE id = $1`, values: [damaged] });
    await expect(hot.read(damaged!, 1)).rejects.toThrow(StoredDataError);
    await expect(hot.heads([damaged!])).rejects.toThrow(StoredDataError);
    expect((await hot.heads([first!, damaged!, last!])).map((head) => head?.id)).toEqual([first, undefined, last]);
    expect((await hot.take("expire", Date.now(), 10, HOUR)).map(({ id }) => id)).toEqual([first, last]);
    happened(await hot.commit(damaged!, wiping(Date.now())));
    expect((await hot.read(damaged!, 1))?.head.metadata).toEqual({});
  });

  it("what was wiped is vacuumed once nobody can see it any more", async () => {
    const left = async () => (await pool.query("SELECT count(*)::int AS left FROM conversation_wiped")).rows[0] as unknown;
    const { id } = happened(await hot.create(makeWhole(Date.now(), texts(50)))).head;
    await withClient(schema.url, async (reader) => {
      await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      expect((await reader.query("SELECT 1 FROM conversation_messages")).rowCount).toBe(50);
      happened(await hot.commit(id, wiping(Date.now())));
      expect(await hot.scrub()).toBe(false);
      expect(await left()).toEqual({ left: 1 });
      await reader.query("COMMIT");
    });
    let isClean = false;
    for (let i = 0; i < 200 && !isClean; i++) isClean = await hot.scrub();
    expect(isClean).toBe(true);
    expect(await left()).toEqual({ left: 0 });
    // Its only messages were those: the emptied file is cut off.
    expect((await pool.query("SELECT pg_relation_size('conversation_messages')::int AS bytes")).rows).toEqual([{ bytes: 0 }]);
  });

  it("a pool's own timeout does not cut the vacuuming short, and its connections keep that timeout", async () => {
    const { id } = happened(await hot.create(makeWhole(Date.now(), texts(50)))).head;
    const hastyPool = schema.openPool({ max: 1, statement_timeout: 2000 });
    const asked: string[] = [];
    const listening: PgPoolLike = {
      query: (statement) => hastyPool.query(statement),
      async connect() {
        const client = await hastyPool.connect();
        return {
          async query(statement) {
            asked.push(
              statement.text,
              (await client.query<{ statement_timeout: string }>("SHOW statement_timeout")).rows[0]!.statement_timeout,
            );
            return client.query(statement);
          },
          release: (destroy) => client.release(destroy),
        };
      },
    };
    const hasty = postgresHotStore(listening, { directory: false });
    happened(await hasty.commit(id, wiping(Date.now())));
    for (let i = 0; i < 200 && !(await hasty.scrub()); i++);
    expect(asked.find((_, i) => asked[i - 1]?.startsWith("VACUUM"))).toBe("15min");
    expect((await hastyPool.query("SHOW statement_timeout")).rows).toEqual([{ statement_timeout: "2s" }]);
    await hasty.close();
  });

  it("who may not vacuum the tables is told that something is left", async () => {
    const role = `${schema.schema}_r`;
    await pool.query(`CREATE ROLE "${role}"`);
    try {
      await pool.query(`GRANT USAGE ON SCHEMA "${schema.schema}" TO "${role}"`);
      await pool.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema.schema}" TO "${role}"`);
      const url = new URL(schema.url);
      url.searchParams.set("options", `${url.searchParams.get("options")} -c role=${role}`);
      const humble = new pg.Pool({ connectionString: url.href, max: 1 });
      const there = postgresHotStore(humble, { directory: false });
      const { id } = happened(await there.create(makeWhole(Date.now(), ["one"]))).head;
      expect(await there.scrub()).toBe(true);
      happened(await there.commit(id, wiping(Date.now())));
      expect(await there.scrub()).toBe(false);
      await humble.end();
    } finally {
      await pool.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    }
  });
});
