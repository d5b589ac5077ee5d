// What happens when the clock jumps: with a clock that tests turn, over records that outlive a server.

import { describe, expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Records } from "../../src/core/records.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import { clockMark, confirmClock, createClockWatch, type ClockMark } from "../../src/operations/clock-watch.ts";
import { startJobs } from "../../src/runtimes/node/jobs.ts";
import { createLog } from "../../src/runtimes/node/log.ts";
import { itera } from "../processes.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A machine: `pass` lets time pass, `jump` moves the clock alone. `boot` starts a server on it. */
function machine(records: Records | null = memoryStores().records) {
  const time = { wall: Date.UTC(2026, 0, 15, 12), steady: 0 };
  const marks: ClockMark[] = [];
  const clock = () => time.wall;
  return {
    records,
    marks,
    clock,
    pass: (ms: number) => ((time.wall += ms), (time.steady += ms)),
    jump: (ms: number) => (time.wall += ms),
    boot: () => createClockWatch({ records, clock, monotonic: () => time.steady, onMark: (mark) => marks.push(mark) }),
  };
}

const state = async (watch: ReturnType<typeof createClockWatch>) => ({ sweep: watch.sweepPaused(), purge: await watch.purgePaused() });
const RUNS = { sweep: false, purge: false };
const WAITS = { sweep: true, purge: true };

describe("a clock that runs evenly", () => {
  it("pauses nothing, from the first look on", async () => {
    const { boot, pass, marks } = machine();
    const watch = boot();
    expect(watch.sweepPaused()).toBe(true);
    for (let i = 0; i < 200; i++) {
      await watch.look();
      expect(await state(watch)).toEqual(RUNS);
      pass(MINUTE);
    }
    expect(marks).toEqual([]);
  });

  it("may be corrected little by little, by hours in the end", async () => {
    const { boot, pass, jump, marks } = machine();
    const watch = boot();
    for (let i = 0; i < 500; i++) {
      await watch.look();
      pass(5 * MINUTE);
      jump(30_000);
    }
    expect(marks).toEqual([]);
  });
});

describe("a clock that jumps", () => {
  it.each([
    ["6 minutes ahead", 6 * MINUTE],
    ["an hour ahead", HOUR],
    ["a day back", -DAY],
    ["ten years ahead", 3650 * DAY],
  ])("%s: the sweep waits until it has been steady for 15 minutes, purging until it is confirmed", async (_, byMs) => {
    const { boot, pass, jump, marks, records, clock } = machine();
    const watch = boot();
    await watch.look();
    pass(MINUTE);
    jump(byMs);
    await watch.look();
    expect(await state(watch)).toEqual(WAITS);
    expect(marks).toMatchObject([{ reason: "jump", byMs }]);
    pass(14 * MINUTE);
    await watch.look();
    expect(await state(watch)).toEqual(WAITS);
    pass(2 * MINUTE);
    await watch.look();
    expect(await state(watch)).toEqual({ sweep: false, purge: true });
    pass(10 * DAY);
    await watch.look();
    expect(await watch.purgePaused()).toBe(true);
    expect(await confirmClock(records!, clock)).toMatchObject({ reason: "jump", byMs });
    expect(await state(watch)).toEqual(RUNS);
    expect(marks).toHaveLength(1);
  });

  it("by less than 5 minutes is believed", async () => {
    const { boot, jump, marks } = machine();
    const watch = boot();
    await watch.look();
    jump(4.9 * MINUTE);
    await watch.look();
    expect({ state: await state(watch), marks }).toEqual({ state: RUNS, marks: [] });
  });

  it("back again is a jump too: the 15 minutes begin anew", async () => {
    const { boot, pass, jump, marks } = machine();
    const watch = boot();
    await watch.look();
    jump(HOUR);
    await watch.look();
    pass(10 * MINUTE);
    jump(-HOUR);
    await watch.look();
    pass(10 * MINUTE);
    await watch.look();
    expect(watch.sweepPaused()).toBe(true);
    expect(marks.map(({ byMs }) => byMs)).toEqual([HOUR, -HOUR]);
  });

  it("is remembered over a restart, and by every other server, until it is confirmed", async () => {
    const { boot, pass, jump, records, clock } = machine();
    const first = boot();
    const other = boot();
    await Promise.all([first.look(), other.look()]);
    jump(400 * DAY);
    await first.look();
    expect(await other.purgePaused()).toBe(true);
    const again = boot();
    await again.look();
    expect(await state(again)).toEqual(WAITS);
    pass(16 * MINUTE);
    await again.look();
    expect(await state(again)).toEqual({ sweep: false, purge: true });
    await confirmClock(records!, clock);
    expect([await first.purgePaused(), await again.purgePaused()]).toEqual([false, false]);
  });

  it("while the records are away: purging waits, and what was seen is written once they are back", async () => {
    const records = memoryStores().records;
    let away = false;
    const flaky = Object.fromEntries(
      Object.entries(records).map(([name, method]) => [
        name,
        (...args: never[]) =>
          away ? Promise.reject(new StoreUnavailableError("away")) : (method as (...all: never[]) => unknown)(...args),
      ]),
    ) as unknown as Records;
    const { boot, jump } = machine(flaky);
    const watch = boot();
    await watch.look();
    away = true;
    jump(HOUR);
    await expect(watch.look()).rejects.toThrow(StoreUnavailableError);
    expect(await state(watch)).toEqual(WAITS);
    away = false;
    await watch.look();
    expect(await clockMark(records)).toMatchObject({ reason: "jump", byMs: HOUR });
  });

  it("without records is remembered by the process alone", async () => {
    const { boot, jump } = machine(null);
    const watch = boot();
    await watch.look();
    expect(await state(watch)).toEqual(RUNS);
    jump(HOUR);
    await watch.look();
    expect(await state(watch)).toEqual(WAITS);
  });
});

describe("a start", () => {
  it.each([
    ["29 days after the last heartbeat is as ever", 29 * DAY, RUNS],
    ["31 days after the last heartbeat waits like after a jump", 31 * DAY, WAITS],
    ["31 days before the last heartbeat waits as well", -31 * DAY, WAITS],
  ])("%s", async (_, after, expected) => {
    const { boot, jump, marks } = machine();
    await boot().look();
    jump(after);
    const watch = boot();
    await watch.look();
    expect(await state(watch)).toEqual(expected);
    expect(marks.map(({ reason }) => reason)).toEqual(expected === WAITS ? ["absence"] : []);
  });

  it("after a confirmation is as ever, even if that came before it", async () => {
    const { boot, jump, records, clock } = machine();
    await boot().look();
    jump(90 * DAY);
    expect(await confirmClock(records!, clock)).toBeNull();
    const watch = boot();
    await watch.look();
    expect(await state(watch)).toEqual(RUNS);
  });

  it("on an empty database is as ever", async () => {
    const watch = machine().boot();
    await watch.look();
    expect(await state(watch)).toEqual(RUNS);
  });
});

describe("the jobs of a server", () => {
  it("archive and purge nothing after a jump of ten years, though both clocks say that all is over", async () => {
    const stores = memoryStores({ clock: () => clock() });
    const { boot, jump, pass, clock } = machine(stores.records);
    const manager = new ConversationManager(stores, { environment: "D", clock });
    const live = await manager.createConversation();
    const over = await manager.createConversation();
    await manager.archiveConversation(over.id);
    const watch = boot();
    await watch.look();
    jump(3650 * DAY);
    const log = createLog("silent");
    let prepared = 0;
    const jobs = startJobs(manager, 1, log, async () => void prepared++, { clock: watch });
    const run = async (job: "sweep" | "cleanup"): Promise<void> => {
      const before = jobs[job].lastDone();
      jobs[job].wake();
      while (jobs[job].lastDone() === before) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await run("sweep");
    await run("cleanup");
    const peek = async (id: string) =>
      (await stores.hot.read(id, 0))?.head.status ?? (await stores.archive.read(id, 0))?.head.status ?? null;
    expect([await peek(live.id), await peek(over.id), prepared]).toEqual(["active", "archived", 1]);
    // An operator says that the clock is right; what is over by it then goes.
    pass(16 * MINUTE);
    await confirmClock(stores.records, clock);
    await run("sweep");
    await run("cleanup");
    await jobs.stop();
    expect([await peek(live.id), await peek(over.id)]).toEqual([null, null]);
  });
});

describe("itera", () => {
  it("doctor shows a jump and confirms the clock; until then purge refuses", async () => {
    const folder = temporaryFolder();
    expect((await itera(["create"], { folder })).code).toBe(0);
    const path = `${folder}/data/conversations.db`;
    const stores = await sqliteStores({ path });
    await stores.records.put("job", "clock", { reason: "jump", at: Date.now(), byMs: 3 * HOUR });
    await stores.close();
    const look = await itera(["doctor", "--quiet"], { folder });
    expect(look.stdout).toMatch(/PROBLEM {2}clock: the clock of a server jumped 180 minutes ahead/);
    expect(look.code).toBe(1);
    const refused = await itera(["purge", "--yes"], { folder });
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("itera doctor --confirm-clock")]);
    expect((await itera(["purge", "--dry-run"], { folder })).code).toBe(0);
    const confirmed = await itera(["doctor", "--confirm-clock"], { folder });
    expect(confirmed.stdout).toMatch(/ok {7}clock: the clock of a server jumped 180 minutes ahead; confirmed now/);
    expect((await itera(["purge", "--yes"], { folder })).code).toBe(0);
    expect((await itera(["doctor"], { folder })).stdout).toContain("ok       clock: no jump is to be confirmed");
  });
});
