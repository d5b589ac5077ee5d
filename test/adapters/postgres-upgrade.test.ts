// A database of the guide's time becomes ours with all its rows: what fits is copied, what does not stays under another name and is counted.

import { setTimeout as sleep } from "node:timers/promises";
import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { migratePostgres, planPostgres, type MigrateStep } from "../../src/adapters/postgres/migrate.ts";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { describeWith } from "../engines.ts";
import { addressWith, freshSchema, migrationFiles, withClient, type Schema } from "../postgres.ts";
import { archivedRow, insertRows, loosen, makeGuideDatabase, type GuideRow } from "./guide-database.ts";

const NINE = "id, created, last_activity, status, message_count, metadata, messages, archived_at, archive_reason";
const migrations = migrationFiles();

describeWith("postgresql", "a database of the guide's time", (at) => {
  async function aSchema(): Promise<Schema> {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    return schema;
  }

  const migrate = (url: string, onStep?: (step: MigrateStep) => void) =>
    withClient(url, (client) => migratePostgres(client, { idPrefix: "ITERA", migrations, ...(onStep && { onStep }) }));

  const all = async (url: string, sql: string): Promise<unknown[]> => withClient(url, async (client) => (await client.query(sql)).rows);

  it("as the guide makes it becomes ours, empty as it must be", async () => {
    const { url } = await aSchema();
    await withClient(url, (client) => makeGuideDatabase(client));
    const { ran, upgrade } = await migrate(url);
    expect(ran).toHaveLength(migrations.length);
    expect(upgrade).toEqual({ table: "conversations_before_upgrade", copied: 0, present: 0, left: {} });
    const [column] = await all(
      url,
      "SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'conversations'::regclass AND attname = 'id'",
    );
    expect(column).toEqual({ type: "character varying(64)" });
    expect(await migrate(url)).toEqual({ ran: [], upgrade: null });
  });

  it("that was widened keeps all its rows, exactly as they were, in the partitions of their months", async () => {
    const { url } = await aSchema();
    const before = await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      const rows: GuideRow[] = [];
      for (let n = 0; n < 1203; n++) rows.push(archivedRow(["20250125", "20250203", "20191231"][n % 3]!, n));
      // Numbers that JavaScript cannot hold, and keys that it would reorder.
      const [id, created, last, , , , , archived] = archivedRow("20250125", 5000);
      rows.push([id, created, last, "completed", 1, '{"n": 12345678901234567890}', '[{"2": 1.10, "1": 9007199254740993}]', archived, null]);
      await client.query("BEGIN");
      await insertRows(client, rows);
      await client.query("COMMIT");
      return (
        await client.query(`SELECT ${NINE.replace("metadata, messages", "metadata::text, messages::text")} FROM conversations ORDER BY id`)
      ).rows;
    });
    const steps: MigrateStep[] = [];
    const { upgrade } = await migrate(url, (step) => steps.push(step));
    expect(upgrade).toEqual({ table: "conversations_before_upgrade", copied: 1204, present: 0, left: {} });
    expect(steps.map((step) => ("ran" in step ? step.ran : [step.copied.copied, step.rows])).slice(migrations.length)).toEqual([
      [500, 1204],
      [1000, 1204],
      [1204, 1204],
    ]);
    const select = (table: string) =>
      `SELECT ${NINE.replace("metadata, messages", "metadata::text, messages::text")} FROM ${table} ORDER BY id`;
    expect(await all(url, select("conversations"))).toEqual(before);
    expect(await all(url, select("conversations_before_upgrade"))).toEqual(before);
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations_default")).toEqual([{ n: 0 }]);
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations_2019_12")).toEqual([{ n: 401 }]);
    const [counted] = await all(url, "SELECT sum(total)::int AS total, sum(archived)::int AS archived FROM conversation_days");
    expect(counted).toEqual({ total: 1204, archived: 1204 });
    // What the guide made has its names back, and the older things have others.
    expect(await all(url, "SELECT sum(total_conversations)::int AS n FROM conversation_analytics")).toEqual([{ n: 1204 }]);
    expect(await all(url, "SELECT cleanup_old_conversations() AS n")).toEqual([{ n: 0 }]);
    expect(await all(url, "SELECT sum(total_conversations)::int AS n FROM conversation_analytics_before_upgrade")).toEqual([{ n: 1204 }]);
  });

  it("with rows of odd shapes has them read for what they say, and the rest left where it was, counted by reason", async () => {
    const { url } = await aSchema();
    const odd = (n: number, change: Partial<Record<number, unknown>>): GuideRow =>
      archivedRow("20250125", n).map((cell, i) => (i in change ? change[i] : cell)) as unknown as GuideRow;
    const fits = [
      odd(1, { 5: null }),
      odd(2, { 5: "null" }),
      odd(3, { 6: null }),
      odd(4, { 6: JSON.stringify('[{"role":"user","content":"text in text"}]') }),
      odd(5, { 5: JSON.stringify('{"source":"web"}') }),
      odd(6, { 4: 99 }),
      odd(7, { 1: null }),
      odd(8, { 1: null, 2: null }),
      odd(9, { 3: "deleted", 6: "[]" }),
      odd(10, { 5: JSON.stringify(""), 6: "[]" }),
    ];
    const misfits = [
      odd(11, { 0: "ITERA_20250125_143052_A7B9_P" }),
      odd(12, { 0: "ITERA_20251340_143052_A7B9X2M8P4Q1_P" }),
      odd(13, { 0: "OTHER_20250125_143052_A7B9X2M8P4Q1_P" }),
      odd(14, { 3: "closed" }),
      odd(15, { 8: "x".repeat(51) }),
      odd(16, { 2: "infinity" }),
      odd(17, { 5: "[1]" }),
      odd(18, { 6: '{"role":"user"}' }),
      odd(19, { 6: '["only text"]' }),
      odd(20, { 6: JSON.stringify("not JSON") }),
      odd(21, { 5: JSON.stringify(String.raw`{"a":"\u0000"}`) }),
    ];
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await loosen(client);
      await insertRows(client, [...fits, ...misfits]);
    });
    const { upgrade } = await migrate(url);
    const id = (n: number): string => odd(n, {})[0]!;
    expect(upgrade).toMatchObject({ copied: 9, present: 0 });
    expect(upgrade!.left).toEqual({
      "an ID of another form or prefix": {
        rows: 3,
        examples: expect.arrayContaining(misfits.slice(0, 3).map(([name]) => name)) as string[],
      },
      "a status that does not exist": { rows: 1, examples: [id(14)] },
      "an archive reason that is too long": { rows: 1, examples: [id(15)] },
      "a time that does not exist": { rows: 1, examples: [id(16)] },
      "metadata that is no JSON object": { rows: 3, examples: expect.arrayContaining([id(10), id(17), id(21)]) as string[] },
      "messages that are no list of JSON objects": { rows: 3, examples: [id(18), id(19), id(20)] },
    });
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations_before_upgrade")).toEqual([{ n: 21 }]);
    const rows = (await all(url, `SELECT ${NINE} FROM conversations ORDER BY id`)) as Record<string, unknown>[];
    const row = (n: number) => rows.find((one) => one["id"] === id(n));
    const time = new Date("2025-01-25T14:30:52.123Z");
    expect(row(1)).toMatchObject({ metadata: {}, messages: [{ content: "hello 1" }] });
    expect(row(2)).toMatchObject({ metadata: {} });
    expect(row(3)).toMatchObject({ messages: [], message_count: 0 });
    expect(row(4)).toMatchObject({ messages: [{ role: "user", content: "text in text" }], message_count: 1 });
    expect(row(5)).toMatchObject({ metadata: { source: "web" } });
    expect(row(6)).toMatchObject({ message_count: 1 });
    expect(row(7)).toMatchObject({ created: time, last_activity: time });
    expect(row(8)).toMatchObject({ created: new Date("2025-01-25T14:30:52.000Z"), last_activity: new Date("2025-01-25T14:30:52.000Z") });
    expect(row(9)).toMatchObject({ status: "deleted" });
  });

  it("whose JSON is kept as text is read as JSON, without a change of its numbers", async () => {
    const { url } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await client.query(`
        DROP INDEX idx_conversations_metadata_gin;
        ALTER TABLE conversations ALTER COLUMN metadata DROP DEFAULT, ALTER COLUMN messages DROP DEFAULT;
        ALTER TABLE conversations ALTER COLUMN metadata TYPE TEXT, ALTER COLUMN messages TYPE JSON USING messages::json;`);
      const row = [...archivedRow("20250125", 1)] as unknown as string[];
      row[6] = '[{"n": 12345678901234567890}]';
      await insertRows(client, [row as unknown as GuideRow, archivedRow("20250125", 2)]);
    });
    expect((await migrate(url)).upgrade).toMatchObject({ copied: 2, left: {} });
    const rows = await all(url, "SELECT metadata, messages::text AS messages FROM conversations ORDER BY id");
    expect(rows).toMatchObject([
      { metadata: { email: "visitor1@example.com" }, messages: '[{"n": 12345678901234567890}]' },
      { metadata: { email: "visitor2@example.com" }, messages: '[{"role": "user", "content": "hello 2"}]' },
    ]);
  });

  it("that is broken off in the middle of the copying goes on from there, and copies nothing twice", async () => {
    const { url, schema } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await client.query("BEGIN");
      await insertRows(
        client,
        Array.from({ length: 1600 }, (_, n) => archivedRow("20250125", n)),
      );
      await client.query("COMMIT");
    });
    const cut = new pg.Client(url);
    cut.on("error", () => {});
    await cut.connect();
    // After the first five hundred its connection is cut.
    const broken = migratePostgres(cut, {
      migrations,
      onStep: (step) => {
        if ("copied" in step && step.copied.copied === 500) cut.end().catch(() => {});
      },
    });
    await expect(broken).rejects.toThrow(StoreUnavailableError);
    await withClient(at, async (other) => {
      while ((await other.query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [schema])).rows.length > 0) await sleep(20);
    });
    const plan = await withClient(url, (client) => planPostgres(client, { migrations }));
    expect(plan).toMatchObject({ pending: [], toCopy: "conversations_before_upgrade" });
    // Two servers start at once.
    const reports = await Promise.all([migrate(url), migrate(url)]);
    const finished = reports.filter(({ upgrade }) => upgrade !== null).map(({ upgrade }) => upgrade!.copied);
    expect(finished).toEqual([1600]);
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations")).toEqual([{ n: 1600 }]);
    expect(await all(url, "SELECT sum(total)::int AS n FROM conversation_days")).toEqual([{ n: 1600 }]);
  });

  it("is upgraded by the role that made it, which need be no superuser", async () => {
    const { url, schema } = await aSchema();
    const role = `itera_test_${randomBytes(6).toString("hex")}`;
    await withClient(at, (client) => client.query(`CREATE ROLE ${role}; GRANT USAGE, CREATE ON SCHEMA "${schema}" TO ${role}`));
    onTestFinished(() => withClient(at, (client) => client.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)).then(() => {}));
    const asRole = addressWith(url, { options: `${new URL(url).searchParams.get("options")} -c role=${role}` });
    await withClient(asRole, async (client) => {
      await makeGuideDatabase(client, 64);
      await insertRows(client, [archivedRow("20250125", 1), archivedRow("20250125", 2)]);
    });
    expect((await migrate(asRole)).upgrade).toMatchObject({ copied: 2 });
    // Somebody else's table is not touched, and the sentence says why.
    const { url: other, schema: otherSchema } = await aSchema();
    await withClient(other, (client) => makeGuideDatabase(client, 64));
    await withClient(at, (client) => client.query(`GRANT USAGE, CREATE ON SCHEMA "${otherSchema}" TO ${role}`));
    const refused = migrate(addressWith(other, { options: `${new URL(other).searchParams.get("options")} -c role=${role}` }));
    await expect(refused).rejects.toThrow("PostgreSQL does not allow migration 001-conversations (must be owner of table conversations)");
    expect(await all(other, "SELECT to_regclass('conversations_before_upgrade') AS aside")).toEqual([{ aside: null }]);
  });

  it("serves what was copied like everything else: lists, search, new messages, and erasing by person", async () => {
    const schema = await aSchema();
    const { url } = schema;
    const rows = [
      archivedRow("20250125", 1, [{ role: "user", content: "the printer smokes" }]),
      archivedRow("20250203", 2, [{ role: "user", content: "the screen is dark" }]),
    ];
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await insertRows(client, rows);
    });
    await migrate(url);
    const manager = new ConversationManager(await postgresStores({ pool: schema.openPool({ max: 3 }) }));
    onTestFinished(() => manager.close());
    const [printer, screen] = rows.map(([id]) => id!) as [string, string];
    expect((await manager.listConversations({ status: ["archived"] })).data.map(({ id }) => id)).toEqual([screen, printer]);
    await manager.sweep();
    expect((await manager.listConversations({ q: "printer" })).data.map(({ id }) => id)).toEqual([printer]);
    const { messageCount } = await manager.appendMessages(screen, [{ role: "user", content: "still dark" }]);
    expect(messageCount).toBe(2);
    expect(await manager.getConversation(screen)).toMatchObject({ status: "active", messages: [{}, { content: "still dark" }] });
    const erased = await manager.eraseSubject({ key: "email", value: "Visitor1@example.com" });
    expect(erased).toMatchObject([{ id: printer, messages: 1 }]);
    await expect(manager.getConversation(printer)).rejects.toThrow("Conversation was erased");
  });

  it("that somebody has partitioned by hand is renamed with its partitions", async () => {
    const { url } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await client.query(`
        DROP TABLE conversations CASCADE;
        CREATE TABLE conversations (
          id TEXT NOT NULL, created TIMESTAMPTZ NOT NULL, last_activity TIMESTAMPTZ NOT NULL, status TEXT NOT NULL,
          message_count INTEGER NOT NULL, metadata JSONB, messages JSONB, archived_at TIMESTAMPTZ, archive_reason TEXT,
          PRIMARY KEY (id, created)
        ) PARTITION BY RANGE (created);
        CREATE TABLE conversations_2025_01 PARTITION OF conversations FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
        CREATE TABLE conversations_2025_02 PARTITION OF conversations FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
        CREATE INDEX idx_conversations_created ON conversations (created);
      `);
      await insertRows(client, [archivedRow("20250125", 1), archivedRow("20250203", 2)]);
      // The key of such a table lets an ID be there twice.
      const [id, , ...rest] = archivedRow("20250125", 1);
      await insertRows(client, [[id, "2025-02-20T00:00:00Z", ...rest]]);
    });
    expect((await migrate(url)).upgrade).toMatchObject({ copied: 2, left: { "an ID that another row has": { rows: 1 } } });
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations_before_upgrade")).toEqual([{ n: 3 }]);
    expect(await all(url, "SELECT count(*)::int AS n FROM conversations_2025_01")).toEqual([{ n: 1 }]);
  });

  it("is left alone if its table is neither the guide's nor ours", async () => {
    const { url } = await aSchema();
    await withClient(url, (client) => client.query("CREATE TABLE conversations (id INTEGER PRIMARY KEY, created TIMESTAMP, topic TEXT)"));
    const refused = migrate(url);
    await expect(refused).rejects.toThrow(InvalidInputError);
    await expect(refused).rejects.toThrow("its column id is integer, not character varying");
    await expect(refused).rejects.toThrow("it has no column last_activity");
  });
});
