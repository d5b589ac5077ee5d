// The months of PostgreSQL's archive: what reads them, how they are made beside whoever works, and how they go.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type pg from "pg";
import { postgresArchive } from "../../src/adapters/postgres/archive.ts";
import { postgresDirectory } from "../../src/adapters/postgres/directory.ts";
import { archivedAt, DAY, makeHead, makeWhole, texts } from "../../src/conformance/make-conversation.ts";
import type { Archive } from "../../src/core/archive.ts";
import type { Directory } from "../../src/core/directory.ts";
import type { Head } from "../../src/core/head.ts";
import { ConversationIDGenerator } from "../../src/core/id.ts";
import { describeWith } from "../engines.ts";
import { freshSchema, migrationFiles, withClient, type Schema } from "../postgres.ts";
import { migratePostgres } from "../../src/adapters/postgres/migrate.ts";

const NOW = Date.parse("2025-06-15T12:00:00Z");
const OLD = Date.parse("2017-03-10T12:00:00Z");
const LONG_AGO = Date.parse("2018-01-01T00:00:00Z");

/** Nobody waits longer than a second; the rest is for a slow machine. */
const PATIENCE_MS = 5000;

interface Subject {
  schema: Schema;
  pool: pg.Pool;
  archive: Archive;
  directory: Directory;
}

describeWith("postgresql", "partitions", (at) => {
  // These tests change the tables, so each has a schema of its own.
  async function withMonths(run: (subject: Subject) => Promise<void>): Promise<void> {
    const schema = await freshSchema(at);
    try {
      await withClient(schema.url, (client) => migratePostgres(client, { migrations: migrationFiles() }));
      const pool = schema.openPool({ max: 6 });
      const clock = (): number => NOW;
      await run({ schema, pool, archive: postgresArchive(pool, { clock }), directory: postgresDirectory(pool, { clock }) });
    } finally {
      await schema.dispose();
    }
  }

  async function make(pool: pg.Pool, at_: number = NOW): Promise<number> {
    const { rows } = await pool.query<{ made: number }>("SELECT itera_make_partitions(3, $1) AS made", [at_]);
    return rows[0]!.made;
  }

  async function put(archive: Archive, created: number, fields: Partial<Head> = {}): Promise<string> {
    const whole = makeWhole(created, texts(2), archivedAt(created + 1000, fields));
    expect(await archive.put(whole)).toBe("stored");
    return whole.head.id;
  }

  async function monthsOf(pool: pg.Pool, parent = "conversations"): Promise<string[]> {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY 1",
      [parent],
    );
    return rows.map(({ name }) => name.replace(`${parent}_`, "")).filter((name) => name !== "default");
  }

  async function partitionOf(pool: pg.Pool, id: string): Promise<string | undefined> {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT c.relname AS name FROM conversations x JOIN pg_class c ON c.oid = x.tableoid WHERE x.id = $1",
      [id],
    );
    return rows[0]?.name;
  }

  /** The partitions of `conversations` that PostgreSQL has opened for what `run` does. */
  async function touchedBy(
    pool: pg.Pool,
    run: (stores: { archive: Archive; directory: Directory }) => Promise<unknown>,
  ): Promise<string[]> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const one = { query: (statement: pg.QueryConfig) => client.query(statement) };
      const options = { clock: () => NOW };
      await run({ archive: postgresArchive(one, options), directory: postgresDirectory(one, options) });
      const { rows } = await client.query<{ name: string }>(`
        SELECT DISTINCT c.relname AS name FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relname ~ '^conversations_' ORDER BY 1`);
      return rows.map(({ name }) => name);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  }

  async function planOf(pool: pg.Pool, text: string, values: unknown[]): Promise<string[]> {
    const { rows } = await pool.query<{ "QUERY PLAN": string }>(`EXPLAIN ${text}`, values);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    return [...new Set(plan.match(/\bconversations_(?:default|\d{4}_\d\d)(?=\s)/g) ?? [])].toSorted();
  }

  async function withAYear(run: (subject: Subject) => Promise<void>): Promise<void> {
    await withMonths(async (subject) => {
      for (let month = 0; month < 12; month++) await make(subject.pool, Date.UTC(2024, 6 + month, 1));
      for (let day = 0; day < 60; day++) await put(subject.archive, NOW - day * 5 * DAY);
      await run(subject);
    });
  }

  it("looking a conversation up by its ID reads one partition", () =>
    withAYear(async ({ pool }) => {
      const id = ConversationIDGenerator.generate("P", { now: Date.parse("2025-02-03T00:00:00Z") });
      expect(await planOf(pool, "SELECT * FROM conversations WHERE id = $1", [id])).toEqual(["conversations_2025_02"]);
      expect(await touchedBy(pool, ({ archive }) => archive.read(id, 20))).toEqual(["conversations_2025_02"]);
      expect(await touchedBy(pool, ({ archive }) => archive.messages(id, { limit: 5, order: "desc" }))).toEqual(["conversations_2025_02"]);
      expect(await touchedBy(pool, ({ directory }) => directory.index(makeHead(NOW)))).toEqual(["conversations_2025_06"]);
    }));

  it("a list of a week reads two partitions at most, whether it is full or not", () =>
    withAYear(async ({ pool }) => {
      for (const [from, to, expected] of [
        ["2025-03-10", "2025-03-17", ["conversations_2025_03"]],
        ["2025-01-28", "2025-02-04", ["conversations_2025_01", "conversations_2025_02"]],
      ] as const) {
        const [first, last] = [ConversationIDGenerator.range(from, from).from, ConversationIDGenerator.range(to, to).from];
        const week = "SELECT id FROM conversations WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT 25";
        expect(await planOf(pool, week, [first, last])).toEqual(expected);
        for (const query of [{}, { source: "none" }, { text: "said" }, { status: ["archived"] }] as const) {
          const touched = await touchedBy(pool, ({ directory }) => directory.list({ from: first, before: last, limit: 25, ...query }));
          expect(expected).toEqual(expect.arrayContaining(touched));
        }
      }
    }));

  it("the first page of a full list does not read the months of before", () =>
    withAYear(async ({ pool, directory, archive }) => {
      for (let i = 0; i < 12; i++) await put(archive, NOW - i * 1000);
      expect((await directory.list({ limit: 10 })).heads).toHaveLength(10);
      const touched = await touchedBy(pool, ({ directory: mine }) => mine.list({ limit: 10 }));
      expect(touched.filter((name) => /_20(?:24|25_0[1-5])/.test(name))).toEqual([]);
    }));

  it("months are made ahead, once, and each conversation is in its own", () =>
    withMonths(async ({ pool, archive }) => {
      const before = await monthsOf(pool);
      expect(before).toHaveLength(4);
      expect(await make(pool)).toBe(4);
      expect(await make(pool)).toBe(0);
      expect(await monthsOf(pool)).toEqual(["2025_06", "2025_07", "2025_08", "2025_09", ...before].toSorted());
      expect(await monthsOf(pool, "conversation_texts")).toEqual(await monthsOf(pool));
      expect(await partitionOf(pool, await put(archive, Date.parse("2025-07-31T23:59:59Z")))).toBe("conversations_2025_07");
      expect(await partitionOf(pool, await put(archive, Date.parse("2025-08-01T00:00:00Z")))).toBe("conversations_2025_08");
      expect(await partitionOf(pool, await put(archive, OLD))).toBe("conversations_default");
    }));

  it("of several that make them at once one does it", () =>
    withMonths(async ({ pool }) => {
      const made = await Promise.all([1, 2, 3, 4, 5].map(() => make(pool)));
      expect(Math.max(...made)).toBe(4);
      expect(made.every((count) => count === 0 || count === 4)).toBe(true);
      expect(await monthsOf(pool)).toHaveLength(8);
    }));

  it("what the default partition holds moves into its months, with text, counts and triggers as they were", () =>
    withMonths(async ({ pool, archive, directory }) => {
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) {
        const whole = makeWhole(OLD + i * 20 * DAY, texts(3), archivedAt(OLD + i * 20 * DAY + 1000, { subjects: [`s${i}`] }));
        await archive.put(whole);
        await directory.index(whole.head, { after: 0, messages: [{ seq: 1, text: `parola numero${i}` }] });
        ids.push(whole.head.id);
      }
      const erased = await put(archive, OLD - 90 * DAY);
      await archive.erase(erased, { at: NOW, by: "test" });
      const [counts, list, all] = [
        await directory.analytics("2016-01-01", "2018-12-31"),
        await directory.list({ limit: 100 }),
        await archive.scan(null, 100),
      ];
      expect(await make(pool)).toBeGreaterThan(12);
      expect(await partitionOf(pool, ids[0]!)).toBe("conversations_2017_03");
      expect(await partitionOf(pool, erased), "a tombstone needs no month").toBe("conversations_default");
      expect(await directory.analytics("2016-01-01", "2018-12-31")).toEqual(counts);
      expect(await directory.list({ limit: 100 })).toEqual(list);
      expect(await archive.scan(null, 100)).toEqual(all);
      expect((await directory.list({ limit: 5, text: "numero7 parola" })).heads.map(({ id }) => id)).toEqual([ids[7]]);
      expect(await directory.bySubject("s7", null, 5)).toEqual([ids[7]]);
      const moved = (await archive.read(ids[3]!, Infinity))!;
      expect(moved.messages).toHaveLength(3);
      await directory.index({ ...moved.head, version: 9, lastSeq: 8 });
      const more = await directory.analytics("2016-01-01", "2018-12-31");
      expect(more.reduce((sum, { messages }) => sum + messages, 0)).toBe(counts.reduce((sum, { messages }) => sum + messages, 0) + 5);
      expect(await make(pool)).toBe(0);
    }));

  it("a month of which only tombstones are there is made as any, and holds them", () =>
    withMonths(async ({ pool, archive }) => {
      const [now, ahead, past] = [await put(archive, NOW), await put(archive, Date.parse("2025-09-30T23:59:59Z")), await put(archive, OLD)];
      for (const id of [now, ahead, past]) await archive.erase(id, { at: NOW, by: "test" });
      expect(await make(pool)).toBe(4);
      expect(await Promise.all([now, ahead, past].map((id) => partitionOf(pool, id)))).toEqual([
        "conversations_2025_06",
        "conversations_2025_09",
        "conversations_default",
      ]);
      expect((await archive.scan(null, 9)).map(({ status }) => status)).toEqual(["deleted", "deleted", "deleted"]);
      expect(await make(pool)).toBe(0);
    }));

  it("nothing that is written while months are made out of the default partition is lost, and no reader waits", () =>
    withMonths(async ({ pool, archive }) => {
      const ids: string[] = [];
      for (let i = 0; i < 60; i++) ids.push(await put(archive, OLD + i * DAY));
      const gone: string[] = [];
      for (let i = 0; i < 30; i++) gone.push(await put(archive, OLD + i * DAY + 1));
      let isDone = false;
      let longest = 0;
      const written = new Map<string, number>();
      const write = async (): Promise<void> => {
        for (let version = 5; !isDone; version++) {
          const id = ids[version % ids.length]!;
          const { head } = (await archive.read(id, 0))!;
          await archive.put({ ...makeWhole(head.created, texts(version % 7)), head: { ...head, version, lastSeq: version % 7 } });
          written.set(id, version);
          ids.push(await put(archive, OLD + (version % 90) * DAY));
        }
      };
      const read = async (): Promise<void> => {
        while (!isDone) {
          const began = performance.now();
          expect(await archive.read(ids[Math.floor(Math.random() * 60)]!, 5)).not.toBe(null);
          longest = Math.max(longest, performance.now() - began);
        }
      };
      const remove = async (): Promise<void> => {
        for (const id of gone) await pool.query("DELETE FROM conversations WHERE id = $1", [id]);
      };
      const others = [write(), read(), remove()];
      await sleep(50);
      while ((await make(pool)) > 0);
      isDone = true;
      await Promise.all(others);
      expect(longest).toBeLessThan(PATIENCE_MS);
      expect(written.size).toBeGreaterThan(0);
      for (const [id, version] of written) expect((await archive.read(id, 0))?.head.version).toBe(version);
      for (const id of ids) expect(await archive.read(id, 0), id).not.toBe(null);
      for (const id of gone) expect(await archive.read(id, 0), "what was removed stays so").toBe(null);
      expect(await archive.scan(null, 10_000)).toHaveLength(ids.length);
    }));

  it("a month of which all may go is dropped whole, whatever the limit; its tombstones, the log and the counts stay", () =>
    withMonths(async ({ pool, archive, directory }) => {
      const ids: string[] = [];
      for (let i = 0; i < 9; i++) ids.push(await put(archive, OLD + i * 1000));
      await archive.erase(ids[8]!, { at: NOW, by: "test" });
      expect(await make(pool)).toBe(5);
      expect(await monthsOf(pool)).toContain("2017_03");
      const counts = await directory.analytics("2017-03-01", "2017-03-31");
      expect(await archive.purge(LONG_AGO, 3, true)).toEqual({ months: { "2017-03": 8 }, rows: 8, held: 0 });
      expect(await archive.purge(LONG_AGO, 3, false)).toEqual({ months: { "2017-03": 8 }, rows: 8, held: 0 });
      expect(await monthsOf(pool)).not.toContain("2017_03");
      expect(await monthsOf(pool, "conversation_texts")).not.toContain("2017_03");
      expect((await archive.read(ids[8]!, 1))?.head.status).toBe("deleted");
      expect(await archive.erased(ids[8]!)).toBe(true);
      expect(await archive.read(ids[0]!, 1)).toBe(null);
      expect(await directory.analytics("2017-03-01", "2017-03-31")).toEqual(counts);
      expect(await archive.purge(LONG_AGO, 3, false)).toEqual({ months: {}, rows: 0, held: 0 });
    }));

  it("a legal hold, a live one or a late one keeps the month, and the others go row by row", () =>
    withMonths(async ({ pool, archive }) => {
      const kept = [
        await put(archive, OLD, { hold: true }),
        await put(archive, OLD + 40 * DAY, { status: "active", archivedAt: null, archiveReason: null }),
        await put(archive, OLD + 80 * DAY, { lastActivity: LONG_AGO }),
      ];
      for (const month of [0, 40, 80]) await put(archive, OLD + month * DAY + 1000);
      await make(pool);
      expect(await archive.purge(LONG_AGO, 2, false)).toMatchObject({ rows: 2, held: 1 });
      expect(await archive.purge(LONG_AGO, 2, false)).toMatchObject({ rows: 1, held: 1 });
      expect((await archive.scan(null, 10)).map(({ id }) => id)).toEqual(kept.toSorted());
      expect(await monthsOf(pool)).toEqual(expect.arrayContaining(["2017_03", "2017_04", "2017_05"]));
    }));

  it("somebody who reads a month for long keeps it from being dropped, and nobody waits behind", () =>
    withMonths(async ({ pool, archive }) => {
      const [first, second] = [await put(archive, OLD), await put(archive, OLD + 1000)];
      const recent = await put(archive, NOW);
      await make(pool);
      const reader = await pool.connect();
      try {
        await reader.query("BEGIN");
        await reader.query("SELECT count(*) FROM conversations");
        const began = performance.now();
        const [result, answers] = await Promise.all([
          archive.purge(LONG_AGO, 1, false),
          sleep(100).then(() => Promise.all([archive.read(first, 0), archive.read(recent, 1)])),
        ]);
        expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
        expect(answers[1]?.head.id).toBe(recent);
        expect(result.rows, "row by row then").toBe(1);
        await reader.query("COMMIT");
      } finally {
        reader.release();
      }
      expect((await archive.purge(LONG_AGO, 1, false)).rows).toBe(1);
      expect(await archive.read(second, 0)).toBe(null);
      expect(await monthsOf(pool)).not.toContain("2017_03");
    }));

  it("cleanup_old_conversations() removes what is past the retention, whole months too, and answers how many", () =>
    withMonths(async ({ pool, archive }) => {
      const years = (ago: number): number => Date.now() - ago * 365.25 * DAY;
      for (let i = 0; i < 5; i++) await put(archive, years(9) + i);
      const hold = await put(archive, years(8), { hold: true });
      await put(archive, years(8) + 1000);
      const recent = await put(archive, years(6));
      await make(pool, Date.now());
      const cleanup = async (): Promise<number> => (await pool.query<{ n: number }>("SELECT cleanup_old_conversations() AS n")).rows[0]!.n;
      expect(await cleanup()).toBe(6);
      expect(await cleanup()).toBe(0);
      expect((await archive.scan(null, 10)).map(({ id }) => id)).toEqual([hold, recent].toSorted());
      await pool.query("INSERT INTO conversation_meta (key, value) VALUES ('retention_years', '5.5')");
      expect(await cleanup()).toBe(1);
    }));

  it("another prefix has its own check and bounds, and cannot be set where conversations are", () =>
    withMonths(async ({ pool, archive }) => {
      await pool.query("SELECT itera_use_prefix('SHOP')");
      await pool.query(
        "INSERT INTO conversations (id, created, last_activity) VALUES ('SHOP_20250615_120000_A7B9X2M8P4Q1_P', now(), now())",
      );
      await make(pool);
      expect(await partitionOf(pool, "SHOP_20250615_120000_A7B9X2M8P4Q1_P")).toBe("conversations_2025_06");
      expect((await archive.scan(null, 5)).map(({ id }) => id)).toEqual(["SHOP_20250615_120000_A7B9X2M8P4Q1_P"]);
      await expect(pool.query("SELECT itera_use_prefix('ITERA')")).rejects.toMatchObject({ code: "55000" });
    }));
});
