import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { backupStatus } from "../../src/operations/backup/backup-status.ts";
import { isBackupDue, startBackups, type BackupJobOptions } from "../../src/runtimes/node/backup-job.ts";
import { readConfig, type Config } from "../../src/runtimes/node/config.ts";
import { createLog } from "../../src/runtimes/node/log.ts";
import { openService, type OpenService } from "../../src/runtimes/node/open-manager.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const HOUR = 3_600_000;
const SOON = { log: createLog("silent"), firstMs: 1 };

async function opened(folder: string, env: Record<string, string> = {}): Promise<{ config: Config; service: OpenService }> {
  const config = readConfig({ folder, env: { BACKUP_ENABLED: "true", ...env } });
  const service = await openService(config);
  onTestFinished(() => service.manager.close());
  return { config, service };
}

function start({ config, service }: { config: Config; service: OpenService }, options: Partial<BackupJobOptions> = {}) {
  const job = startBackups(config, service, { ...SOON, ...options })!;
  onTestFinished(() => job.stop());
  return job;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}

const backupsIn = (folder: string): string[] => readdirSync(join(folder, "backups")).filter((name) => !name.startsWith("."));

describe("the server's backups", () => {
  it("are made by themselves, and not again before their time", async () => {
    const folder = temporaryFolder();
    const world = await opened(folder);
    await world.service.manager.createConversation({});
    const job = start(world);
    await until(() => job.lastDone() !== null);
    const done = job.lastDone()!;
    const [id, ...others] = backupsIn(folder);
    expect(others).toEqual([]);
    expect((await backupStatus(world.service.stored.records!)).good).toMatchObject({ id, conversations: 1 });
    job.wake();
    await until(() => job.lastDone()! > done);
    expect(backupsIn(folder)).toEqual([id]);
  });

  it("are made by one of several servers", async () => {
    const folder = temporaryFolder();
    const jobs = [start(await opened(folder)), start(await opened(folder))];
    await until(() => jobs.every((job) => job.lastDone() !== null));
    expect(backupsIn(folder)).toHaveLength(1);
  });

  it("are removed when they are past their time, but not while the clock is not believed", async () => {
    const folder = temporaryFolder();
    const world = await opened(folder, { BACKUP_RETENTION_DAYS: "1" });
    const past = new Date(Date.now() - 26 * HOUR).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
    const old = `${past}Z-00000000`;
    mkdirSync(join(folder, "backups", old), { recursive: true });
    let paused = true;
    const job = start(world, { purgePaused: async () => paused });
    await until(() => job.lastDone() !== null);
    expect(backupsIn(folder)).toHaveLength(2);
    paused = false;
    job.wake();
    await until(() => !backupsIn(folder).includes(old));
    expect(backupsIn(folder)).toHaveLength(1);
  });

  it("that fail are told, and noted", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "backups"), "no folder");
    const world = await opened(folder);
    const failed: string[] = [];
    start(world, { onFailed: (job) => failed.push(job) });
    await until(() => failed.length > 0);
    expect(failed).toEqual(["backup"]);
    expect((await backupStatus(world.service.stored.records!)).failed).toMatchObject({
      error: expect.stringContaining("cannot be reached") as string,
    });
  });

  it("are none unless they are enabled, and name what is missing for a bucket", async () => {
    const folder = temporaryFolder();
    const { config, service } = await opened(folder);
    expect(startBackups({ ...config, backups: false }, service, SOON)).toBeNull();
    const toBucket = readConfig({ folder, env: { BACKUP_ENABLED: "true", BACKUP_TARGET: "s3://chats" } });
    expect(() => startBackups(toBucket, service, SOON)).toThrow(/AWS_ACCESS_KEY_ID/);
  });

  it("are named by receipts as long as they are kept", async () => {
    const { service } = await opened(temporaryFolder(), { BACKUP_RETENTION_DAYS: "10" });
    const { id } = await service.manager.createConversation({});
    const { at, backupsExpireAt } = await service.manager.eraseConversation(id);
    expect(Date.parse(backupsExpireAt!) - Date.parse(at)).toBe(10 * 24 * HOUR);
  });
});

describe("a backup is due", () => {
  const good = (at: number) => ({
    id: "",
    startedAt: new Date(at).toISOString(),
    finishedAt: "",
    conversations: 0,
    messages: 0,
    bytes: 0,
  });
  const failed = (at: number) => ({ at: new Date(at).toISOString(), error: "" });
  const now = Date.UTC(2026, 0, 10);

  it.each([
    ["when there is none", { good: null, failed: null }, true],
    ["when the last one is old", { good: good(now - 24 * HOUR), failed: null }, true],
    ["not before", { good: good(now - 23 * HOUR), failed: null }, false],
    ["when the last one lies in the future, since the clock was set back", { good: good(now + 30 * HOUR), failed: null }, true],
    ["not at once after a failure", { good: null, failed: failed(now - HOUR / 4) }, false],
    ["some time after a failure", { good: null, failed: failed(now - HOUR) }, true],
  ])("%s", (_, status, due) => {
    expect(isBackupDue(status, now, 24 * HOUR)).toBe(due);
  });
});
