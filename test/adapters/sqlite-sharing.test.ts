import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { contents, seqs } from "../../src/conformance/expectations.ts";
import { makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { openedAt, temporaryPath, withDatabase } from "./temporary-database.ts";

const APPENDER = fileURLToPath(new URL("./sqlite-appender.ts", import.meta.url));

/** Starts a process that appends; `acknowledged` grows with what it was told is stored. */
function startAppender(path: string, id: string, label: string, count: number, atOnce: number) {
  const child = spawn(process.execPath, [APPENDER, path, id, label, String(count), String(atOnce)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    acknowledged.push(...lines);
  });
  return { child, acknowledged, ended: once(child, "close").then(([code]) => code as number | null) };
}

function isSound(path: string): void {
  expect(withDatabase(path, (db) => db.prepare("PRAGMA integrity_check").all())).toEqual([{ integrity_check: "ok" }]);
}

it("two processes append to one conversation without an error, a gap, a loss or a double", async () => {
  const path = temporaryPath();
  const stores = await openedAt(path);
  const whole = makeWhole(Date.now());
  await stores.hot.create(whole);
  const { id } = whole.head;
  const appenders = ["a", "b"].map((label) => startAppender(path, id, label, 150, 10));
  const mine = Promise.all(
    Array.from({ length: 50 }, (_, i) => stores.hot.commit(id, { now: Date.now(), append: [makeMessage(`here ${i}`)] })),
  );
  for (const { ended } of appenders) expect(await ended).toBe(0);
  for (const { outcome } of await mine) expect(outcome).toBe("done");
  const { messages } = (await stores.hot.read(id, Infinity))!;
  expect(seqs(messages)).toEqual(Array.from({ length: 350 }, (_, i) => i + 1));
  const said = new Set(contents(messages));
  expect(said.size).toBe(350);
  for (const { acknowledged } of appenders) for (const one of acknowledged) expect(said.has(one), one).toBe(true);
  await stores.close();
  isSound(path);
});

it("after kill -9 everything that was acknowledged is there, once, without a gap", async () => {
  const path = temporaryPath();
  const whole = makeWhole(Date.now());
  const first = await openedAt(path);
  await first.hot.create(whole);
  await first.close();
  const acknowledged: string[] = [];
  for (let kill = 1; kill <= 4; kill++) {
    const appender = startAppender(path, whole.head.id, `life ${kill}`, 100_000, 8);
    while (appender.acknowledged.length < 20 * kill) await sleep(5);
    appender.child.kill("SIGKILL");
    await appender.ended;
    acknowledged.push(...appender.acknowledged);
  }
  const { hot, close } = await openedAt(path);
  const { messages } = (await hot.read(whole.head.id, Infinity))!;
  expect(seqs(messages)).toEqual(messages.map((_, i) => i + 1));
  const said = contents(messages);
  expect(new Set(said).size).toBe(said.length);
  expect(acknowledged.filter((one) => !said.includes(one))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);
  await close();
  isSound(path);
});

it("a file that another program keeps locked is unavailable for writing after some seconds, and readable; then it heals", async () => {
  const path = temporaryPath();
  const { hot } = await openedAt(path);
  const whole = makeWhole(Date.now(), ["hello"]);
  const { id } = whole.head;
  await hot.create(whole);
  const append = () => hot.commit(id, { now: Date.now(), append: [makeMessage("more")] });
  await withLock(path, async () => {
    const refused = await Promise.allSettled([append(), append()]);
    for (const one of refused) {
      expect(one.status).toBe("rejected");
      expect((one as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailableError);
    }
    expect(seqs((await hot.read(id, 10))!.messages)).toEqual([1]);
    await hot.probe();
  });
  expect((await append()).outcome).toBe("done");
});

async function withLock(path: string, run: () => Promise<void>): Promise<void> {
  const script = `
    const { DatabaseSync } = require("node:sqlite");
    const db = new DatabaseSync(${JSON.stringify(path)});
    db.exec("BEGIN IMMEDIATE");
    console.log("locked");
    process.stdin.on("data", () => {}).on("end", () => { db.exec("ROLLBACK"); db.close(); });`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  await once(child.stdout, "data");
  try {
    await run();
  } finally {
    child.stdin.end();
    await ended;
  }
}
