// The engines that a run starts for itself are one for all its processes, and gone when the run is, however it ended.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { expect, it, onTestFinished } from "vitest";
import { describeWith, findEngine } from "./engines.ts";
import { readKept } from "./started-engine.ts";

describeWith("redis", "an engine of the run's own", (at) => {
  it("is the same at every demand", () => {
    expect(findEngine("redis")).toEqual({ available: true, at });
  });

  it("ends when the run has gone without saying so, and takes the run's folder with it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "itera-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, "redis"));
    const run = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const keeper = spawn(process.execPath, [join(import.meta.dirname, "engine-keeper.ts"), "redis", folder, String(run.pid)]);
    onTestFinished(() => {
      for (const child of [run, keeper]) child.kill("SIGKILL");
    });
    let kept = readKept(folder, "redis");
    for (; kept === null; kept = readKept(folder, "redis")) await sleep(20);
    if (!("url" in kept)) throw new Error(kept.reason);
    const client = await createClient({ url: kept.url }).connect();
    expect(await client.configGet(["save", "appendonly"])).toEqual({ save: "", appendonly: "no" });
    client.destroy();
    run.kill("SIGKILL");
    await once(keeper, "exit");
    expect(existsSync(folder)).toBe(false);
    const gone = createClient({ url: kept.url, socket: { reconnectStrategy: false } }).on("error", () => {});
    await expect(gone.connect()).rejects.toThrow("ECONNREFUSED");
  });
});
