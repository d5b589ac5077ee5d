// The process that owns an engine of a run of the tests: `node engine-keeper.ts <engine> <folder of the run> <process of the run>`. It starts the
// engine, says where in the folder, and ends it when it is told to or when the run has gone without saying so.

import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgresServer } from "./postgres-server.ts";
import { startRedisServer } from "./redis-server.ts";
import { keptPath, type Kept, type StartableEngine } from "./started-engine.ts";

const [engine, folder, owner] = process.argv.slice(2) as [StartableEngine, string, string];

/** Ordinary tests are no crash tests: what these servers hold may be lost. */
const START = {
  postgresql: (place: string) =>
    startPostgresServer({
      folder: place,
      settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: 200 },
    }),
  redis: (place: string) => startRedisServer({ folder: place }),
} as const;

function say(kept: Kept): void {
  const path = keptPath(folder, engine);
  writeFileSync(`${path}.new`, JSON.stringify(kept));
  renameSync(`${path}.new`, path);
}

function ownerLives(): boolean {
  try {
    process.kill(Number(owner), 0);
    return existsSync(folder);
  } catch {
    return false;
  }
}

const told = Promise.withResolvers<void>();
process.on("SIGTERM", told.resolve);
process.on("SIGINT", told.resolve);

try {
  const server = await START[engine](join(folder, engine));
  say({ keeper: process.pid, url: server.url });
  const watch = setInterval(() => {
    if (!ownerLives()) told.resolve();
  }, 500);
  await told.promise;
  clearInterval(watch);
  await server.stop();
} catch (error) {
  if (existsSync(folder)) say({ keeper: process.pid, reason: error instanceof Error ? error.message : String(error) });
}
if (!ownerLives()) rmSync(folder, { recursive: true, force: true });
