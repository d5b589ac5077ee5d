// `itera doctor`: each thing that an installation has left open is found, with what to do; and a sound one has none.

import { chmodSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { noteFailedBackup, noteGoodBackup } from "../../src/operations/backup/backup-status.ts";
import { diagnose, type Finding } from "../../src/runtimes/node/diagnosis.ts";
import { readConfig, startServer } from "../../src/runtimes/node/server.ts";
import { makeApiKey } from "../../src/security/api-key-text.ts";
import { describeWith } from "../engines.ts";
import { itera } from "../processes.ts";
import { startRedisServer } from "../redis-server.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const encryptionKey = (id: string): string => `${id}:${randomBytes(32).toString("base64")}`;
const ONE = encryptionKey("k1");
const SECRET = randomBytes(32).toString("base64");

/** As production has it: nothing is open. */
const SOUND = {
  ENVIRONMENT: "production",
  SECRET,
  API_KEYS: makeApiKey("admin").text,
  CONVERSATION_ENCRYPTION_KEY: ONE,
  ALLOWED_ORIGINS: "https://www.example.com",
};

/** What is found, and the exit code, as `itera doctor --json` has it. */
async function asked(folder: string, env: Readonly<Record<string, string>>): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout } = await itera(["doctor", "--json"], { folder, env });
  return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
}

/** An installation in a folder of its own, whose database holds a conversation. */
async function installed(env: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  const server = await startServer(readConfig({ env: { ...env, PORT: "0", LOG_LEVEL: "fatal" }, folder }));
  await server.manager.createConversation({ messages: [{ role: "user", content: "Buongiorno" }] });
  await server.close();
  return {
    folder,
    database: join(folder, "data", "conversations.db"),
    run: (args: string[], more: Record<string, string> = {}) => itera(args, { folder, env: { ...env, ...more } }),
    /** The same without a process around it. */
    doctor: (more: Record<string, string> = {}): Promise<Finding[]> => diagnose(readConfig({ env: { ...env, ...more }, folder })),
  };
}

/** What an operator has to look at; the disk is this machine's, and backups have tests of their own. */
const open = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ level, about }) => level !== "ok" && about !== "disk" && about !== "backups");

describe("a sound installation", () => {
  it("has nothing open, and the exit code says so", async () => {
    const { folder, run } = await installed(SOUND);
    const { code, findings } = await asked(folder, SOUND);
    expect(open(findings)).toEqual([]);
    expect(code).toBe(0);
    expect(findings.length).toBeGreaterThan(5);
    const { stdout } = await run(["doctor"]);
    expect(stdout).toMatch(/^ok +encryption: conversations are encrypted under k1$/m);
    expect(stdout).not.toMatch(/PROBLEM/);
  });
});

describe("what is open by configuration", () => {
  it.each([
    ["no key, in development", { ENVIRONMENT: "development", API_KEYS: "" }, "API keys", "warning", "itera keys create --scope admin"],
    ["no key, in production", { API_KEYS: "" }, "API keys", "problem", "itera keys create --scope admin"],
    ["no secret, in development", { ENVIRONMENT: "development", SECRET: "" }, "secret", "warning", "openssl rand -base64 32"],
    ["an origin over http", { ALLOWED_ORIGINS: "http://www.example.com" }, "origins", "warning", "serve them over https"],
    ["no limit for addresses", { API_RATE_LIMIT_PER_MINUTE: "0" }, "rate limit", "warning", "API_RATE_LIMIT_PER_MINUTE"],
    ["all addresses and no proxy", { HOST: "0.0.0.0" }, "proxies", "warning", "TRUSTED_PROXIES"],
    ["a variable that does not exist", { API_KEY: "x" }, "configuration", "warning", "correct or remove it"],
  ] as const)("%s", async (_, more, about, level, remedy) => {
    const { doctor } = await installed(SOUND);
    expect(open(await doctor(more))).toEqual([{ level, about, finding: expect.any(String), remedy: expect.stringContaining(remedy) }]);
  });

  it("origins of this machine are no finding, though they are http", async () => {
    const { doctor } = await installed(SOUND);
    expect(open(await doctor({ ALLOWED_ORIGINS: "http://localhost:3000,http://127.0.0.1:5173" }))).toEqual([]);
  });
});

describe("encryption", () => {
  const plain = { ...SOUND, CONVERSATION_ENCRYPTION_KEY: "" };

  it("none", async () => {
    const { doctor } = await installed(plain);
    expect(open(await doctor())).toEqual([
      {
        level: "warning",
        about: "encryption",
        finding: "conversations are stored as they were said",
        remedy: expect.stringContaining("itera rotate"),
      },
    ]);
  });

  it("begun on a database that was written without, then under another key: what is left is counted, until itera rotate was run", async () => {
    const { doctor, run } = await installed(plain);
    const first = { CONVERSATION_ENCRYPTION_KEY: ONE };
    expect(open(await doctor(first))).toMatchObject([
      { level: "warning", finding: "1 conversation is not encrypted yet", remedy: "itera rotate" },
    ]);
    expect((await run(["rotate"], first)).code).toBe(0);
    expect(open(await doctor(first))).toEqual([]);
    const second = { CONVERSATION_ENCRYPTION_KEY: `${encryptionKey("k2")},${ONE}` };
    expect(open(await doctor(second))).toMatchObject([
      { level: "warning", finding: "1 conversation is still under k1", remedy: "itera rotate" },
    ]);
  });

  it("its key missing, or another one of the same name", async () => {
    const { doctor, folder } = await installed(SOUND);
    const missing = await asked(folder, { ...SOUND, CONVERSATION_ENCRYPTION_KEY: "" });
    expect(open(missing.findings)).toContainEqual({
      level: "problem",
      about: "CONVERSATION_ENCRYPTION_KEY",
      finding: 'This database is encrypted (master key "k1")',
      remedy: expect.stringContaining("set CONVERSATION_ENCRYPTION_KEY"),
    });
    expect(missing.code).toBe(1);
    const other = await doctor({ CONVERSATION_ENCRYPTION_KEY: encryptionKey("k1") });
    expect(open(other)).toMatchObject([
      { level: "problem", about: "CONVERSATION_ENCRYPTION_KEY", finding: expect.stringContaining('"k1" is another one') },
    ]);
  });

  it("a conversation whose key is damaged", async () => {
    const { doctor, database } = await installed(SOUND);
    const file = new DatabaseSync(database);
    const tables = file
      .prepare("SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c ON c.name = 'keyring' WHERE m.type = 'table'")
      .all();
    for (const { name } of tables) file.exec(`UPDATE "${String(name)}" SET keyring = 'nonsense' WHERE keyring IS NOT NULL`);
    file.close();
    expect(open(await doctor())).toMatchObject([
      { level: "problem", about: "encryption", finding: "1 conversation has a damaged key", remedy: "restore them from a backup" },
    ]);
  });
});

describe("backups", () => {
  const ON = { BACKUP_ENABLED: "true", BACKUP_TARGET: "./backups" };
  const ofBackups = (findings: readonly Finding[]) => findings.filter(({ about }) => about === "backups");

  it("none are made: a warning; none yet: a warning; one of today: nothing", async () => {
    const { doctor, folder, run } = await installed(SOUND);
    expect(ofBackups(await doctor())).toMatchObject([{ level: "warning", remedy: expect.stringContaining("BACKUP_ENABLED=true") }]);
    expect(ofBackups(await doctor(ON))).toMatchObject([{ level: "warning", finding: "none was made yet", remedy: "itera backup" }]);
    expect((await run(["backup", "--to", join(folder, "backups")], ON)).code).toBe(0);
    expect(ofBackups(await doctor(ON))).toMatchObject([{ level: "ok" }]);
  });

  it("the last good one older than a day, and one that failed since: problems", async () => {
    const { doctor, database } = await installed(SOUND);
    const stores = await sqliteStores({ path: database });
    const startedAt = new Date(Date.now() - 25 * 3_600_000).toISOString();
    const good = { id: "a", startedAt, finishedAt: startedAt, conversations: 1, messages: 1, bytes: 1 };
    await noteGoodBackup(stores.records, good);
    expect(ofBackups(await doctor(ON))).toMatchObject([{ level: "problem", finding: "the last good one is 25 hours old" }]);
    await noteFailedBackup(stores.records, Date.now(), new Error("no space is left"));
    await stores.close();
    expect(ofBackups(await doctor(ON)).map(({ level }) => level)).toEqual(["problem", "problem"]);
  });
});

describe("places", () => {
  it("no database, with what to do", async () => {
    const { code, findings } = await asked(temporaryFolder(), SOUND);
    expect(code).toBe(1);
    expect(open(findings)).toMatchObject([{ level: "problem", about: "store", finding: expect.stringContaining("There is no database") }]);
  });

  it("a database that others of this machine may read", async () => {
    const { doctor, database } = await installed(SOUND);
    chmodSync(database, 0o644);
    expect(open(await doctor())).toMatchObject([{ level: "warning", about: "permissions", remedy: expect.stringContaining("chmod 600") }]);
  });
});

describeWith("redis", "a Redis", () => {
  it("without an append-only file: a warning in development, a problem elsewhere; with one: nothing", async () => {
    const { doctor } = await installed(SOUND);
    const loose = await startRedisServer();
    onTestFinished(() => loose.stop());
    const safe = await startRedisServer({ flags: { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "noeviction" } });
    onTestFinished(() => safe.stop());
    // One server alone is a finding of its own, whatever it keeps.
    const about = (findings: readonly Finding[]) => open(findings).filter(({ finding }) => !finding.includes("no replica"));

    expect(about(await doctor({ HOT_STORE_URL: loose.url }))).toEqual([
      expect.objectContaining({ level: "problem", about: "HOT_STORE_URL", remedy: expect.stringContaining("allow_loss=true") }),
    ]);
    const development = about(await doctor({ HOT_STORE_URL: loose.url, ENVIRONMENT: "development" }));
    expect(development.map(({ level }) => level)).toContain("warning");
    expect(development.map(({ level }) => level)).not.toContain("problem");
    expect(about(await doctor({ HOT_STORE_URL: safe.url }))).toEqual([]);
  });
});
