import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { describeWith } from "../engines.ts";
import { answersOf } from "../operations/backup-world.ts";
import { ACCESS, startBucket } from "../operations/bucket-server.ts";
import { freshSchema } from "../postgres.ts";
import { itera, main, startItera } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { varyConversations } from "../varied-conversations.ts";

const DATABASE = "data/conversations.db";

async function withStores<T>(path: string, run: (stores: Awaited<ReturnType<typeof sqliteStores>>) => Promise<T>): Promise<T> {
  const stores = await sqliteStores({ path });
  try {
    return await run(stores);
  } finally {
    await stores.close();
  }
}

/** A folder as an operator has it, with conversations of every kind and so many more. */
async function filled(more = 0): Promise<string> {
  const folder = temporaryFolder();
  await withStores(join(folder, DATABASE), async (stores) => {
    const manager = new ConversationManager(stores, { environment: "D" });
    await varyConversations(manager);
    const messages = Array.from({ length: 20 }, (_, n) => ({ role: "user", content: `${n} `.repeat(100) }));
    for (let i = 0; i < more; i += 100) await Promise.all(Array.from({ length: 100 }, () => manager.createConversation({ messages })));
    await manager.deliver();
  });
  return folder;
}

const answersAt = (path: string): Promise<unknown> => withStores(path, answersOf);

async function backedUp(folder: string): Promise<string> {
  const { stdout, stderr, code } = await itera(["backup", "--json"], { folder });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { data: { id: string } }).data.id;
}

/** Waits for something that a process does, and kills it at once. */
async function killedWhen(folder: string, args: readonly string[], isSo: () => boolean): Promise<void> {
  const running = startItera(args, { folder });
  while (!isSo()) {
    if (running.child.exitCode !== null) throw new Error(`it ended before it could be killed: ${running.stderr()}`);
    await sleep(1);
  }
  running.child.kill("SIGKILL");
  expect((await running.ended).signal).toBe("SIGKILL");
}

describe("itera backup, verify and restore", () => {
  it("bring a lost database back, with the documented commands", async () => {
    const folder = await filled();
    const before = await answersAt(join(folder, DATABASE));
    const made = await itera(["backup"], { folder });
    expect(made.stderr).toBe("");
    expect(made.stdout).toMatch(
      /^Backed up 12 conversations with \d+ messages as \d{8}T\d{6}Z-[0-9a-f]{8} in .*\/backups \(\d+\.\d kB\)\.\n$/,
    );
    const listed = await itera(["backup", "--list"], { folder });
    expect(listed.stdout).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{8} {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}12 conversations, \d+ messages\n$/);
    const verified = await itera(["verify", "latest"], { folder });
    expect(verified.stdout).toMatch(/is good: 12 conversations with \d+ messages were restored on trial\.\n$/);
    const env = { DATABASE_URL: "sqlite:./new/chats.db" };
    const restored = await itera(["restore", "latest", "--yes"], { folder, env });
    expect(restored.stdout).toMatch(
      /is restored: 12 conversations, each compared\.\n +11 {2}restored\n +1 {2}not brought back, since they were erased\n/,
    );
    expect(restored.code).toBe(0);
    expect(await answersAt(join(folder, "new/chats.db"))).toEqual(before);
  });

  it("answer programs in JSON", async () => {
    const folder = await filled();
    const id = await backedUp(folder);
    const data = async (...args: string[]): Promise<unknown> => JSON.parse((await itera([...args, "--json"], { folder })).stdout);
    expect(await data("backup", "--list")).toMatchObject({ id, conversations: 12 });
    expect(await data("verify", `./backups/${id}/`)).toMatchObject({
      success: true,
      data: { id, conversations: 12, consistency: "snapshot", keys: [] },
    });
    const report = await data("restore", `backups/${id}`, "--to", "sqlite:./new.db", "--yes");
    expect(report).toMatchObject({ success: true, data: { backup: id, added: 11, erased: 1, resumed: false } });
  });

  it.each([
    [["verify", "latest"], 3, /There is no backup in .*backups/],
    [["verify", "20260101T000000Z-00000000"], 3, /There is no backup 20260101T000000Z-00000000/],
    [["verify", "./somewhere"], 2, /"somewhere" is no name of a backup; .* itera backup --list/],
    [["verify", "s3://chats/20260101T000000Z-00000000"], 2, /AWS_ACCESS_KEY_ID: it is not set/],
    [["backup", "--to", "ftp://host/folder"], 2, /--to: its scheme is not known/],
    [["backup"], 5, /There is no database at/],
  ])("say what is wrong with %j", async (args, code, sentence) => {
    const ended = await itera(args, { folder: temporaryFolder() });
    expect(ended.stderr).toMatch(sentence);
    expect(ended.stderr).not.toContain("    at ");
    expect(ended.code).toBe(code);
  });

  it("refuse what is damaged, not confirmed, or in the way, and change nothing", async () => {
    const folder = await filled();
    const id = await backedUp(folder);
    const unconfirmed = await itera(["restore", id, "--to", "sqlite:./new.db"], { folder });
    expect(unconfirmed.stderr).toMatch(/Nobody has confirmed it, and nothing was changed\.\nAdd --yes/);
    expect(unconfirmed.code).toBe(4);
    const inTheWay = await itera(["restore", id, "--yes"], { folder });
    expect(inTheWay.stderr).toMatch(/There are conversations in this database already, so nothing was restored\..*--into-existing/);
    expect(inTheWay.code).toBe(4);
    const file = join(folder, "backups", id, "conversations-00001.ndjson.gz");
    const bytes = readFileSync(file);
    bytes[100]! ^= 4;
    writeFileSync(file, bytes);
    for (const args of [
      ["verify", id],
      ["restore", id, "--to", "sqlite:./new.db", "--yes"],
    ]) {
      const { stderr, code } = await itera(args, { folder });
      expect(stderr).toMatch(
        /^itera: The backup is damaged: conversations-00001\.ndjson\.gz is not as it was written\. Nothing of it was used; take another one\n$/,
      );
      expect(code).toBe(1);
    }
    // The target was made, and nothing came into it.
    expect(await withStores(join(folder, "new.db"), ({ hot }) => hot.scan(null, 1))).toEqual([]);
  });

  it("leave nothing when stopped, and go on after they were killed: a backup begins anew and takes away what was left, a restore goes on, and nothing is served before", async () => {
    const folder = await filled(2000);
    const backups = join(folder, "backups");
    const hasDraft = (): boolean => existsSync(backups) && readdirSync(backups).some((name) => name.endsWith(".partial"));
    const stopped = startItera(["backup"], { folder });
    while (!hasDraft()) await sleep(1);
    stopped.child.kill("SIGINT");
    const { stderr, code } = await stopped.ended;
    expect(stderr).toBe("itera: The backup was stopped, and nothing of it was kept\n");
    expect(code).toBe(1);
    expect(readdirSync(backups)).toEqual([]);
    await killedWhen(folder, ["backup"], hasDraft);
    expect(readdirSync(backups)).toHaveLength(1);
    const again = await itera(["backup"], { folder });
    expect(again.stderr).toMatch(/another backup is under way, or was broken off a moment ago; waiting for it/);
    expect(again.code).toBe(0);
    const [id, ...others] = readdirSync(backups);
    expect(others).toEqual([]);
    expect(readdirSync(join(folder, "data")).filter((name) => name.includes("snapshot"))).toEqual([]);

    const path = join(folder, "new.db");
    const restored = (): number => {
      if (!existsSync(path)) return 0;
      const database = new DatabaseSync(path, { readOnly: true });
      try {
        return Number(database.prepare("SELECT count(*) AS n FROM live").get()!["n"]);
      } catch {
        // Its tables are being made.
        return 0;
      } finally {
        database.close();
      }
    };
    await killedWhen(folder, ["restore", id!, "--to", "sqlite:./new.db", "--yes"], () => restored() > 300);
    const served = await main({ folder, env: { DATABASE_URL: "sqlite:./new.db", PORT: "0" } });
    expect(served.stderr).toMatch(/was not finished\. Run itera restore again with the same backup/);
    expect(served.code).not.toBe(0);
    const finished = await itera(["restore", id!, "--to", "sqlite:./new.db", "--yes"], { folder });
    expect(finished.stdout).toMatch(/is restored, from where it was broken off: 2012 conversations/);
    expect(finished.code).toBe(0);
    expect(await answersAt(path)).toEqual(await answersAt(join(folder, DATABASE)));
  });

  it("work with a bucket, of which nothing secret is shown", async () => {
    const folder = await filled();
    const { endpoint } = await startBucket();
    const env = {
      BACKUP_TARGET: "s3://chats/daily",
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: ACCESS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ACCESS.secretAccessKey,
      AWS_REGION: ACCESS.region,
    };
    const made = await itera(["backup"], { folder, env });
    expect(made.stdout).toMatch(/ in s3:\/\/chats\/daily \(/);
    const id = /\d{8}T\d{6}Z-[0-9a-f]{8}/.exec(made.stdout)![0];
    expect((await itera(["verify", `s3://chats/daily/${id}`], { folder, env })).code).toBe(0);
    expect((await itera(["restore", "latest", "--to", "sqlite:./new.db", "--yes"], { folder, env })).code).toBe(0);
    expect(await answersAt(join(folder, "new.db"))).toEqual(await answersAt(join(folder, DATABASE)));
    const refused = await itera(["backup"], { folder, env: { ...env, AWS_SECRET_ACCESS_KEY: "wrong" } });
    expect(refused.stderr).toMatch(/403 SignatureDoesNotMatch/);
    expect(refused.stderr).not.toContain("127.0.0.1");
    expect(refused.code).toBe(5);
  });
});

describeWith("postgresql", "itera restore into PostgreSQL", (at) => {
  it("and back from a backup of it comes to the same, and shows no address", { timeout: 120_000 }, async () => {
    const folder = await filled();
    const id = await backedUp(folder);
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    const there = await itera(["restore", id, "--to", schema.url, "--yes"], { folder });
    expect(there.code).toBe(0);
    const made = await itera(["backup", "--to", "./others"], { folder, env: { DATABASE_URL: schema.url } });
    expect(made.stderr).toBe("");
    const back = await itera(["restore", `./others/${readdirSync(join(folder, "others"))[0]!}`, "--to", "sqlite:./back.db", "--yes"], {
      folder,
    });
    expect(back.code).toBe(0);
    expect(await answersAt(join(folder, "back.db"))).toEqual(await answersAt(join(folder, DATABASE)));
    const { hostname, port } = new URL(schema.url);
    for (const { stdout, stderr } of [there, made, back]) expect(stdout + stderr).not.toContain(`${hostname}:${port}`);
  });
});
