// What is peculiar to PostgreSQL's archive: entry and transcript are one row, and other programs read and write that row.

import { expect, it } from "vitest";
import type pg from "pg";
import { postgresArchive } from "../../src/adapters/postgres/archive.ts";
import { classicArchive } from "../../src/adapters/postgres/classic-archive.ts";
import { postgresDirectory } from "../../src/adapters/postgres/directory.ts";
import { archivedAt, DAY, makeMessage, makeWhole, texts } from "../../src/conformance/make-conversation.ts";
import { sameJson, sameWhole } from "../../src/conformance/expectations.ts";
import type { Archive } from "../../src/core/archive.ts";
import type { Directory } from "../../src/core/directory.ts";
import type { Head } from "../../src/core/head.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema } from "../postgres.ts";

const NOW = Date.parse("2025-01-25T14:30:52.123Z");

interface Subject {
  archive: Archive;
  directory: Directory;
  pool: pg.Pool;
}

describeWith("postgresql", "rows of conversations", (at) => {
  async function withRows(run: (subject: Subject) => Promise<void>): Promise<void> {
    const schema = await migratedSchema(at);
    try {
      const pool = schema.openPool({ max: 4 });
      const clock = (): number => NOW;
      await run({ archive: postgresArchive(pool, { clock }), directory: postgresDirectory(pool, { clock }), pool });
    } finally {
      await schema.dispose();
    }
  }

  it("what comes back and changes is listed as it is now, and archived as it was then, until it is archived again", () =>
    withRows(async ({ archive, directory }) => {
      const first = makeWhole(NOW - DAY, ["one"], archivedAt(NOW, { version: 4, subjects: ["s1"], session: { step: "old" } }));
      await archive.put(first);
      const back: Head = { ...first.head, version: 6, status: "active", archivedAt: null, archiveReason: null, lastSeq: 3, hold: true };
      await directory.index(back);
      sameJson((await directory.list({ limit: 5 })).heads, [back]);
      sameWhole(await archive.read(first.head.id, Infinity), first);
      sameJson(await archive.scan(null, 5), [first.head]);
      expect((await archive.messages(first.head.id, { limit: 5, order: "asc" }))?.length).toBe(1);
      expect(await archive.put(first)).toBe("older");
      const again = makeWhole(NOW - DAY, texts(3), { ...back, version: 7, ...archivedAt(NOW), status: "archived" });
      const whole = { ...again, head: { ...again.head, version: 7 } };
      expect(await archive.put(whole)).toBe("stored");
      sameWhole(await archive.read(first.head.id, Infinity), whole);
      sameJson((await directory.list({ limit: 5 })).heads, [whole.head]);
    }));

  it("an entry without a transcript is not in the archive, and what is archived is in the list", () =>
    withRows(async ({ archive, directory }) => {
      const live = makeWhole(NOW).head;
      await directory.index(live);
      expect(await archive.read(live.id, 1)).toBe(null);
      expect(await archive.messages(live.id, { limit: 1, order: "asc" })).toBe(null);
      const over = makeWhole(NOW - DAY, ["one"], archivedAt(NOW));
      await archive.put(over);
      sameJson((await directory.list({ limit: 5 })).heads, [live, over.head]);
      sameJson(await archive.scan(null, 5), [over.head]);
    }));

  it("a row that the guide's upsert wrote is found, read, counted and purged", () =>
    withRows(async ({ archive, directory, pool }) => {
      const classic = classicArchive({ query: (text, values) => pool.query(text, values) });
      const whole = makeWhole(NOW - DAY, texts(3), archivedAt(NOW, { source: "widget", metadata: { source: "widget", topic: "x" } }));
      const { id } = whole.head;
      await classic.put({ ...whole, head: { ...whole.head, session: { step: "done" } } });
      const read = (await archive.read(id, 2))!;
      expect(read.messages.map(({ seq, body }) => [seq, JSON.parse(body)])).toEqual([
        [2, { role: "user", content: "said 2" }],
        [3, { role: "user", content: "said 3" }],
      ]);
      expect(read.messages[0]).toMatchObject({ key: "a:2", digest: null, storedAt: NOW });
      expect(read.head).toMatchObject({ id, status: "archived", version: 0, source: "widget", lastSeq: 3, session: { step: "done" } });
      expect(read.head.metadata).toEqual({ source: "widget", topic: "x" });
      expect((await directory.list({ limit: 5, source: "widget" })).heads.map((head) => head.id)).toEqual([id]);
      const day = new Date(NOW - DAY).toISOString().slice(0, 10);
      expect(await directory.analytics(day, day)).toEqual([
        { day, source: "widget", total: 1, completed: 0, archived: 1, messages: 3, seconds: 86_400 },
      ]);
      const { rows } = await pool.query("SELECT date::text, total_conversations, avg_message_count::float FROM conversation_analytics");
      expect(rows).toEqual([{ date: day, total_conversations: "1", avg_message_count: 3 }]);
      expect(await archive.purge(NOW + 1, 10, false)).toMatchObject({ rows: 1 });
      expect(await archive.read(id, 1)).toBe(null);
      expect((await directory.analytics(day, day))[0]?.total).toBe(1);
    }));

  it("what the guide's upsert wrote over a row of ours is what is read, and the next archiving goes over it", () =>
    withRows(async ({ archive, pool }) => {
      const classic = classicArchive({ query: (text, values) => pool.query(text, values) });
      const whole = makeWhole(NOW - DAY, ["old", makeMessage("kept", "m2")], archivedAt(NOW, { version: 9 }));
      await archive.put(whole);
      const { id } = whole.head;
      await classic.put({ ...whole, messages: makeWhole(NOW, ["new"]).messages, head: { ...whole.head, lastSeq: 1 } });
      const read = (await archive.read(id, Infinity))!;
      expect(read.messages.map(({ body }) => (JSON.parse(body) as { content: string }).content)).toEqual(["new"]);
      expect(read.head).toMatchObject({ version: 0, lastSeq: 1 });
      expect(await archive.put(whole)).toBe("stored");
      sameWhole(await archive.read(id, Infinity), whole);
    }));

  it("what was erased is not brought back by another program's upsert", () =>
    withRows(async ({ archive, pool }) => {
      const classic = classicArchive({ query: (text, values) => pool.query(text, values) });
      const [here, never] = [makeWhole(NOW - DAY, ["secret"], archivedAt(NOW)), makeWhole(NOW - DAY, ["secret"], archivedAt(NOW))];
      await archive.put(here);
      for (const { head } of [here, never]) await archive.erase(head.id, { at: NOW, by: "test" });
      for (const whole of [here, never]) await classic.put(whole);
      const { rows } = await pool.query<{ all: string }>("SELECT json_agg(c)::text AS all FROM conversations c");
      expect(rows[0]?.all).not.toContain("secret");
      expect((await archive.read(here.head.id, 1))?.head.status).toBe("deleted");
      expect(await archive.read(never.head.id, 1)).toBe(null);
    }));

  it("a put and an erasing at once leave nothing of the conversation, whoever is first", () =>
    withRows(async ({ archive, directory }) => {
      for (let i = 0; i < 15; i++) {
        const whole = makeWhole(NOW - i * 1000, ["secret"], archivedAt(NOW));
        await Promise.all([
          archive.put(whole),
          directory.index(whole.head, { after: 0, messages: [{ seq: 1, text: "secret" }] }),
          archive.erase(whole.head.id, { at: NOW, by: "test" }),
        ]);
        expect((await archive.read(whole.head.id, 5))?.messages ?? []).toEqual([]);
      }
      expect((await directory.list({ limit: 50, status: ["active", "completed", "archived"] })).heads).toEqual([]);
      expect((await directory.list({ limit: 50, text: "secret" })).heads).toEqual([]);
    }));

  it("a message full of powers of ten comes back at its own length", () =>
    withRows(async ({ archive }) => {
      const numbers = { list: Array.from({ length: 5000 }, (_, i) => (i % 2 ? 1e308 : 5e-324)) };
      const whole = makeWhole(NOW - DAY, ["before", makeMessage(numbers), "after"], archivedAt(NOW));
      await archive.put(whole);
      const read = (await archive.read(whole.head.id, 2))!;
      expect(read.messages[0]!.body).toBe(JSON.stringify(numbers));
      sameWhole(await archive.read(whole.head.id, Infinity), whole);
    }));

  it("plain SQL sees the messages and the session's keys as the guide's table had them", () =>
    withRows(async ({ archive, pool }) => {
      const whole = makeWhole(
        NOW - DAY,
        ["one", "two"],
        archivedAt(NOW, { metadata: { topic: "x" }, session: { leadData: { name: "Ada" } } }),
      );
      await archive.put(whole);
      const { rows } = await pool.query(
        "SELECT messages -> 1 ->> 'content' AS said, metadata, message_count, archive_reason FROM conversations WHERE id = $1",
        [whole.head.id],
      );
      expect(rows).toEqual([
        { said: "two", metadata: { topic: "x", leadData: { name: "Ada" } }, message_count: 2, archive_reason: "expired" },
      ]);
    }));

  it("an ID of another form is refused by the table itself", () =>
    withRows(async ({ pool }) => {
      const insert = "INSERT INTO conversations (id, created, last_activity) VALUES ($1, now(), now())";
      await expect(pool.query(insert, ["SHOP_20250125_143052_A7B9X2M8P4Q1_P"])).rejects.toMatchObject({
        constraint: "conversations_id_format",
      });
      await expect(
        pool.query("INSERT INTO conversations (id, created, last_activity, status) VALUES ($1, now(), now(), 'open')", [
          "ITERA_20250125_143052_A7B9X2M8P4Q1_P",
        ]),
      ).rejects.toMatchObject({ constraint: "conversations_status_check" });
    }));
});
