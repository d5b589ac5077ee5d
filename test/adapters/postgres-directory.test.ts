// What is peculiar to PostgreSQL's directory: text in parts, lists that look further and further back, counts in slots.

import { expect, it } from "vitest";
import type pg from "pg";
import { postgresArchive } from "../../src/adapters/postgres/archive.ts";
import { postgresDirectory } from "../../src/adapters/postgres/directory.ts";
import { archivedAt, DAY, HOUR, makeHead, makeWhole } from "../../src/conformance/make-conversation.ts";
import type { Archive } from "../../src/core/archive.ts";
import type { Directory } from "../../src/core/directory.ts";
import type { Head } from "../../src/core/head.ts";
import { describeWith } from "../engines.ts";
import { migratedSchema } from "../postgres.ts";

const NOW = Date.parse("2025-06-15T12:00:00Z");

interface Subject {
  directory: Directory;
  archive: Archive;
  pool: pg.Pool;
}

/** Some 1,100 characters in which nothing is said. */
const FILLER = "riempitivo di parole ".repeat(52);

describeWith("postgresql", "the directory in PostgreSQL", (at) => {
  async function withDirectory(run: (subject: Subject) => Promise<void>, now = NOW): Promise<void> {
    const schema = await migratedSchema(at);
    try {
      const pool = schema.openPool({ max: 8 });
      const clock = (): number => now;
      await run({ directory: postgresDirectory(pool, { clock }), archive: postgresArchive(pool, { clock }), pool });
    } finally {
      await schema.dispose();
    }
  }

  async function said(directory: Directory, created: number, texts: string[], after = 0, head = makeHead(created)): Promise<Head> {
    await directory.index(head, { after, messages: texts.map((text, i) => ({ seq: after + i + 1, text })) });
    return head;
  }

  async function find(directory: Directory, text: string): Promise<string[]> {
    return (await directory.list({ limit: 100, text })).heads.map(({ id }) => id);
  }

  async function partsOf(pool: pg.Pool, id: string): Promise<number> {
    const { rows } = await pool.query<{ n: number }>("SELECT count(*)::int AS n FROM conversation_texts WHERE id = $1", [id]);
    return rows[0]!.n;
  }

  it("words that were said far from each other, in different parts of a long conversation, are found together", () =>
    withDirectory(async ({ directory, pool }) => {
      const texts = Array.from({ length: 60 }, (_, i) => `${FILLER} segno${i}`);
      const long = await said(directory, NOW, texts);
      const short = await said(directory, NOW + HOUR, ["segno0 segno59 riempitivo"]);
      await said(directory, NOW + 2 * HOUR, [`${FILLER} segno0`, ...Array.from({ length: 40 }, () => FILLER)]);
      expect(await partsOf(pool, long.id)).toBeGreaterThan(3);
      expect(await find(directory, "segno0 segno59")).toEqual([short.id, long.id]);
      expect(await find(directory, "segno0 segno30 segno59 riempitivo")).toEqual([long.id]);
      expect(await find(directory, "segno0 segno60")).toEqual([]);
      const { snippets } = await directory.list({ limit: 5, text: "segno59 segno30" });
      expect(snippets?.[0]).toMatch(/^….*segno30$/);
    }));

  it("a conversation that grows message by message is found by all that was said, and stays in few parts", () =>
    withDirectory(async ({ directory, pool }) => {
      const head = makeHead(NOW);
      for (let seq = 1; seq <= 40; seq++) {
        await said(directory, NOW, [`${FILLER} segno${seq}`], seq - 1, { ...head, version: seq, lastSeq: seq });
      }
      expect(await partsOf(pool, head.id)).toBeLessThanOrEqual(4);
      expect(await find(directory, "segno1 segno20 segno40")).toEqual([head.id]);
      expect(await directory.indexed([head.id])).toEqual([40]);
    }));

  it("a cut in the middle of a part takes what was said after it, and only that", () =>
    withDirectory(async ({ directory }) => {
      const head = makeHead(NOW);
      await said(
        directory,
        NOW,
        Array.from({ length: 50 }, (_, i) => `${FILLER} segno${i + 1} comune`),
        0,
        head,
      );
      for (const [version, cut] of [45, 31, 30, 16, 3].entries()) {
        await said(directory, NOW, [`invece${cut}`], cut, { ...head, version: version + 2 });
        expect(await directory.indexed([head.id])).toEqual([cut + 1]);
        expect(await find(directory, `segno1 comune segno${cut} invece${cut}`)).toEqual([head.id]);
        expect(await find(directory, `segno${cut + 1}`)).toEqual([]);
      }
      expect(await find(directory, "invece45")).toEqual([]);
      expect(await find(directory, "invece3")).toEqual([head.id]);
    }));

  it("a message longer than a piece is found to its end, and its snippet says where it was cut", () =>
    withDirectory(async ({ directory }) => {
      const head = await said(directory, NOW, [`${"parole lunghe ".repeat(2000)}in fondo la stampante`]);
      expect(await find(directory, "parole stampante fondo")).toEqual([head.id]);
      const { snippets } = await directory.list({ limit: 1, text: "stampante" });
      expect(snippets?.[0]).toMatch(/^….*in fondo la stampante$/);
    }));

  it("words of any length and script, and text that PostgreSQL does not take, are in nobody's way", () =>
    withDirectory(async ({ directory }) => {
      const odd = [
        "x".repeat(200_000),
        "nul\0nul \ud800 solo",
        "ﷺ ﬁne ½",
        "'; DROP TABLE conversations; -- \\ : & | ! <-> *",
        "日本語 مرحبا",
      ];
      const head = await said(directory, NOW, odd);
      for (const text of ["solo", "nul", "fine", "drop table", "日本語", "مرحبا", "x".repeat(200_000)]) {
        expect(await find(directory, text), text.slice(0, 20)).toEqual([head.id]);
      }
      expect(await find(directory, "x".repeat(400))).toEqual([]);
    }));

  it("what was said years ago is found, as what was said in other days is, newest first and in pages", () =>
    withDirectory(async ({ directory }) => {
      const days = [0, 1, 3, 4, 5, 17, 25, 40, 90, 200, 400, 900, 1500, 3000, 6000];
      const ids: string[] = [];
      for (const ago of days) ids.push((await said(directory, NOW - ago * DAY, ["la stampante", `giorno${ago}`])).id);
      const later = await said(directory, NOW + 400 * DAY, ["la stampante di domani"]);
      expect(await find(directory, "stampante")).toEqual([later.id, ...ids]);
      for (const [i, ago] of days.entries()) expect(await find(directory, `giorno${ago} stampante`)).toEqual([ids[i]]);
      const seen: string[] = [];
      for (let before: string | undefined; ;) {
        const { heads, next } = await directory.list({ limit: 4, text: "stampante", ...(before === undefined ? {} : { before }) });
        seen.push(...heads.map(({ id }) => id));
        if (next === null) break;
        before = next;
      }
      expect(seen).toEqual([later.id, ...ids]);
      expect((await directory.list({ limit: 100 })).heads.map(({ id }) => id)).toEqual([later.id, ...ids]);
      const some = { from: ids[9]!, before: ids[4]! };
      expect((await directory.list({ limit: 100, text: "stampante", ...some })).heads.map(({ id }) => id)).toEqual(ids.slice(5, 10));
      expect((await directory.list({ limit: 100, ...some })).heads.map(({ id }) => id)).toEqual(ids.slice(5, 10));
    }));

  it("many that write on one day at once are all counted, whichever connection they come by", () =>
    withDirectory(async ({ directory, pool }) => {
      const heads = Array.from({ length: 60 }, (_, i) => makeHead(NOW + i * 1000, { lastSeq: 1, source: i % 2 ? "api" : "widget" }));
      await Promise.all(heads.map((head) => directory.index(head)));
      await Promise.all(heads.map((head) => directory.index({ ...head, ...archivedAt(head.created + 5000), version: 2, lastSeq: 3 })));
      const day = new Date(NOW).toISOString().slice(0, 10);
      const expected = { day, total: 30, completed: 0, archived: 30, messages: 90, seconds: 150 };
      expect(await directory.analytics(day, day)).toEqual([
        { ...expected, source: "api" },
        { ...expected, source: "widget" },
      ]);
      const { rows } = await pool.query(`
        SELECT date::text, total_conversations::int AS total, completed_conversations::int AS completed, avg_message_count::float AS messages,
          avg_duration_seconds::float AS seconds FROM conversation_analytics`);
      expect(rows).toEqual([{ date: day, total: 60, completed: 0, messages: 3, seconds: 5 }]);
    }));

  it("the view shows UTC days, newest first, with live, completed and purged conversations", () =>
    withDirectory(async ({ directory, archive, pool }) => {
      const midnight = Date.parse("2025-06-15T00:00:00Z");
      await directory.index(makeHead(midnight));
      await directory.index(makeHead(midnight - 1, { completedAt: midnight }));
      await archive.put(makeWhole(midnight - 1, ["one"], archivedAt(midnight)));
      await archive.purge(midnight + 1, 10, false);
      await pool.query("SET TIME ZONE 'Asia/Tokyo'");
      const { rows } = await pool.query<{ date: string; total: number; completed: number }>(
        "SELECT date::text, total_conversations::int AS total, completed_conversations::int AS completed FROM conversation_analytics",
      );
      expect(rows).toEqual([
        { date: "2025-06-15", total: 1, completed: 0 },
        { date: "2025-06-14", total: 2, completed: 1 },
      ]);
    }));
});
