// Around a whole run of the tests: a folder for the engines that it may start for itself, and their end. Nothing is started here; see `engines.ts`.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { schemaPrefix, SCHEMAS_NOTE } from "./schema-names.ts";
import { openEngineFolder, readKept } from "./started-engine.ts";

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Schemas that were kept for other tests of the run, in a server that is not the run's own. */
async function removeSchemas(folder: string): Promise<void> {
  const note = join(folder, SCHEMAS_NOTE);
  if (!existsSync(note)) return;
  const client = new pg.Client(readFileSync(note, "utf8"));
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>("SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, $1)", [
      schemaPrefix(),
    ]);
    for (const { name } of rows) await client.query(`DROP SCHEMA "${name}" CASCADE`);
  } finally {
    await client.end();
  }
}

/** Called by vitest before the first test process starts; what it answers is called after the last one has ended. */
export function setup(): () => Promise<void> {
  const folder = openEngineFolder(process.pid);
  return async () => {
    await removeSchemas(folder).catch((error: unknown) => console.warn(`schemas of the tests were left behind: ${String(error)}`));
    const keepers = (["postgresql", "redis"] as const).map((engine) => readKept(folder, engine)?.keeper).filter((pid) => pid !== undefined);
    for (const pid of keepers) if (lives(pid)) process.kill(pid, "SIGTERM");
    // Vitest itself sets an end to this wait.
    while (keepers.some(lives)) await sleep(20);
    rmSync(folder, { recursive: true, force: true });
  };
}
