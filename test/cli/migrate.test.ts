// `itera migrate`: brings a database up to date before a server does, says what it ran, and goes on where it was killed.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { archivedRow, insertRows, makeGuideDatabase } from "../adapters/guide-database.ts";
import { describeWith } from "../engines.ts";
import { addressWith, freshSchema, migrationFiles, withClient, type Schema } from "../postgres.ts";
import { findPostgresPrograms } from "../postgres-server.ts";
import { itera, startItera, type Ended } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const TITLES = migrationFiles().map(({ number, name }) => `${String(number).padStart(3, "0")}-${name}`);

describe("itera migrate on SQLite", () => {
  it("makes the database, and has nothing to print", async () => {
    const folder = temporaryFolder();
    const printed = await itera(["migrate", "--print"], { folder });
    expect([printed.code, printed.stdout]).toEqual([0, ""]);
    expect(printed.stderr).toContain("nothing to run");
    const { code, stdout } = await itera(["migrate"], { folder });
    expect([code, stdout]).toEqual([0, `${join(folder, "data", "conversations.db")} was up to date.\n`]);
  });
});

describeWith("postgresql", "itera migrate on PostgreSQL", (at) => {
  async function aSchema(): Promise<Schema> {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    return schema;
  }

  const run = (url: string, ...args: string[]): Promise<Ended> =>
    itera(["migrate", ...args], { folder: temporaryFolder(), env: { DATABASE_URL: url } });

  it("runs each migration once, and says so", async () => {
    const { url } = await aSchema();
    const first = await run(url);
    expect(first.stderr).toBe("");
    expect([first.code, first.stdout]).toEqual([0, [...TITLES.map((title) => `Ran ${title}.`), "PostgreSQL is up to date.\n"].join("\n")]);
    expect((await run(url)).stdout).toBe("PostgreSQL was up to date.\n");
    const { stdout } = await run(url, "--json");
    expect(JSON.parse(stdout)).toEqual({ success: true, data: { stores: [{ store: "PostgreSQL", ran: [], upgrade: null }] } });
  });

  it("with --print changes nothing, and what it prints does the same through psql, with the upgrade of an older table", async () => {
    const { url } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await insertRows(client, [archivedRow("20250125", 1), archivedRow("20250125", 2)]);
    });
    const { code, stdout } = await run(url, "--print");
    expect(code).toBe(0);
    expect(await withClient(url, async (client) => (await client.query("SELECT count(*)::int AS n FROM conversations")).rows)).toEqual([
      { n: 2 },
    ]);
    const script = join(temporaryFolder(), "migrate.sql");
    writeFileSync(script, stdout);
    const psql = join(findPostgresPrograms() ?? "/usr/bin", "psql");
    await promisify(execFile)(psql, ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", script, url]);
    const after = await run(url);
    expect(after.stdout).toBe(
      "Copied 2 conversations from the table of before, which is conversations_before_upgrade now.\nPostgreSQL is up to date.\n",
    );
    expect((await run(url, "--print")).stdout).toBe("");
  });

  it("reports an upgrade, with what did not fit, to people and as JSON", async () => {
    const { url } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      const [, ...rest] = archivedRow("20250125", 1);
      await insertRows(client, [archivedRow("20250125", 2), ["ITERA_20250230_143052_A7B9X2M8P4Q1_P", ...rest]]);
    });
    const { stdout } = await run(url);
    expect(stdout).toContain("Copied 1 conversation from the table of before, which is conversations_before_upgrade now.\n");
    expect(stdout).toContain("1 row did not fit and stays there as before:\n");
    expect(stdout).toContain("1  an ID of another form or prefix: ITERA_20250230_143052_A7B9X2M8P4Q1_P\n");
    const listed = await itera(["list", "--json"], { folder: temporaryFolder(), env: { DATABASE_URL: url } });
    expect(JSON.parse(listed.stdout)).toMatchObject({ id: archivedRow("20250125", 2)[0], status: "archived", messageCount: 1 });
  });

  it("killed in the middle of an upgrade goes on from there", async () => {
    const { url, schema } = await aSchema();
    await withClient(url, async (client) => {
      await makeGuideDatabase(client, 64);
      await client.query(`
        INSERT INTO conversations (id, created, last_activity, status, message_count, messages)
        SELECT 'ITERA_20250125_143052_' || lpad(n::text, 12, '0') || '_P', now(), now(), 'archived', 1, '[{"role":"user","content":"hello"}]'
        FROM generate_series(1, 20000) n`);
    });
    const running = startItera(["migrate"], { folder: temporaryFolder(), env: { DATABASE_URL: url } });
    const copied = () =>
      withClient(url, async (client) => {
        if ((await client.query("SELECT to_regclass('conversation_upgrades') AS t")).rows[0].t === null) return 0;
        return Number((await client.query("SELECT coalesce(max(copied), 0) AS n FROM conversation_upgrades")).rows[0].n);
      });
    while ((await copied()) === 0) await sleep(20);
    running.child.kill("SIGKILL");
    await running.ended;
    // The server ends what the killed one had begun.
    await withClient(at, async (client) => {
      while ((await client.query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [schema])).rows.length > 0) await sleep(20);
    });
    const before = await copied();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(20_000);
    const again = await run(url);
    expect(again.stdout).toContain("Copied 20000 conversations");
    const [counted] = await withClient(url, async (client) => (await client.query("SELECT count(*)::int AS n FROM conversations")).rows);
    expect(counted).toEqual({ n: 20_000 });
  });

  it("says what is wrong, with the code for it, and no address or password", async () => {
    const { url } = await aSchema();
    const nobody = await run(addressWith(at.replace(/@[^/]*\//, "@127.0.0.1:1/"), {}).replace("postgres@", "someone:hush-hush@"));
    expect([nobody.code, nobody.stdout]).toEqual([5, ""]);
    expect(nobody.stderr).not.toMatch(/hush-hush|127\.0\.0\.1/);
    await run(url);
    const other = await itera(["migrate"], { folder: temporaryFolder(), env: { DATABASE_URL: url, CONVERSATION_ID_PREFIX: "ACME" } });
    expect([other.code, other.stdout]).toEqual([2, ""]);
    expect(other.stderr).toContain("begin with ITERA, not ACME");
  });
});
