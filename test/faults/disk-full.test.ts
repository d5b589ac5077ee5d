import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeWith } from "../engines.ts";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { expectItHeals } from "./failing-disk.ts";
import { smallDisk } from "./mounted.ts";

const WARNINGS = { LOG_LEVEL: "warn" };

/** Writes a file until nothing more fits, down to the last page. */
function fill(path: string): void {
  const file = openSync(path, "w");
  for (let size = 1024 * 1024; size >= 1024;) {
    try {
      writeSync(file, Buffer.alloc(size));
    } catch {
      size /= 2;
    }
  }
  closeSync(file);
}

describeWith("tmpfs", "a server whose disk is full", () => {
  it("refuses writes, answers reads, loses nothing, and goes on when there is room again", { timeout: 180_000 }, async () => {
    const folder = smallDisk(24);
    const server = await startMain({ folder, env: WARNINGS });
    const filler = join(folder, "filler");
    await expectItHeals({
      url: () => server.url,
      path: join(folder, "data/conversations.db"),
      fail: () => fill(filler),
      heal: () => rmSync(filler),
      times: 3,
    });
    expect(server.stderr()).toContain("The disk is full; free space on the disk of the database file, and writing goes on by itself");
    expect(server.child.exitCode).toBeNull();
  });
});

describeWith("prlimit", "a server whose files may not grow any more", (prlimit) => {
  it("refuses writes, answers reads, loses nothing, and goes on when they may again", { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const server = await startMain({ folder, env: WARNINGS });
    const path = join(folder, "data/conversations.db");
    const limit = (bytes: number | "unlimited"): void => {
      execFileSync(prlimit, ["--pid", String(server.child.pid), `--fsize=${bytes}:`]);
    };
    await expectItHeals({
      url: () => server.url,
      path,
      fail: () => limit(Math.max(statSync(path).size, statSync(`${path}-wal`).size)),
      heal: () => limit("unlimited"),
      times: 3,
    });
    expect(server.child.exitCode).toBeNull();
  });
});
