import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeWith } from "../engines.ts";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startClients } from "./appending-clients.ts";
import { expectItHeals } from "./failing-disk.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { integrityOf, transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

const QUIET = { LOG_LEVEL: "silent" };

describeWith("strace", "a server whose disk fails to sync", (strace) => {
  /** Of the syncs of each thread those fail with EIO that have these numbers. */
  function failing(numbers: string): string[] {
    const inject = `inject=fsync,fdatasync:error=EIO:when=${numbers}`;
    return [strace, "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-e", inject, "-o", "/dev/null"];
  }

  it("refuses writes, answers reads, loses nothing, and goes on when the disk is well again", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const server = await startMain({ folder, env: QUIET, under: failing("60..200") });
    // It begins and ends by itself: with the 60th sync of the writer, and the 200th.
    const nothing = (): void => {};
    await expectItHeals({ url: () => server.url, path: join(folder, "data/conversations.db"), fail: nothing, heal: nothing });
    expect(server.child.exitCode).toBeNull();
  });

  it("and is killed meanwhile, has stored what it refused once or not at all", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const sick = await startMain({ folder, env: QUIET, under: failing("60+") });
    let { url } = sick;
    const wire = createWire();
    const ledger = createLedger();
    let refused = 0;
    const clients = await startClients({ count: 8, wire, url: () => url, ledger, later: [503], onRefusal: () => refused++ });
    while (refused < 40) await sleep(5);
    // With the program under which it runs.
    process.kill(-sick.child.pid!, "SIGKILL");
    await sick.ended;
    ({ url } = await startMain({ folder, env: QUIET }));
    await clients.progress(40);
    await clients.stop();
    const stored = await transcripts(wire, url);
    expect({ ...ledger.compare(stored), extra: ledger.unacknowledged(stored) }).toEqual({ ...ALL_WELL, extra: [] });
    expect(integrityOf(join(folder, "data/conversations.db"))).toBe("ok");
  });
});
