// A missing engine is skipped aloud on a desk, and is a failure where engines are required.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { describeWith, findEngine } from "./engines.ts";
import { temporaryFolder } from "./temporary-folder.ts";

describe("a server that the tests need", () => {
  it("is the one that the environment names, if it names one", () => {
    vi.stubEnv("TEST_POSTGRES_URL", "postgresql://elsewhere/test");
    vi.stubEnv("TEST_REDIS_URL", "redis://elsewhere");
    expect(findEngine("postgresql")).toEqual({ available: true, at: "postgresql://elsewhere/test" });
    expect(findEngine("redis")).toEqual({ available: true, at: "redis://elsewhere" });
    vi.unstubAllEnvs();
  });
});

describe("an engine that is not here", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("is reported with what to install", () => {
    vi.stubEnv("PATH", "/nowhere");
    expect(findEngine("strace")).toEqual({ available: false, missing: true, reason: "strace is missing: install strace" });
  });

  it("is reported with what to set, too, where an address would do", () => {
    vi.stubEnv("PATH", "/nowhere");
    vi.stubEnv("TEST_REDIS_URL", "");
    const reason = "redis is missing: set TEST_REDIS_URL or install redis-server";
    expect(findEngine("redis")).toEqual({ available: false, missing: true, reason });
  });

  it("is told from one that is here and does not work, which nothing that is installed would change", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "strace"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:/bin`);
    expect(findEngine("strace")).toMatchObject({
      available: false,
      missing: false,
      reason: expect.stringContaining("not allowed") as string,
    });
  });

  it("fails the suite that needs it where engines are required", () => {
    vi.stubEnv("PATH", "/nowhere");
    vi.stubEnv("REQUIRE_ENGINES", "1");
    expect(() => describeWith("strace", "slow disks", () => {})).toThrow("slow disks: strace is missing");
  });
});
