// Removes the database of the run. It was made by the configuration, since the binding needs its address before anything starts.

import type { TestDatabase } from "./database.ts";

/** Where the configuration leaves it. */
export const DATABASE = Symbol.for("itera.test.workers-postgres");

/** Called by vitest after the last test. */
export async function teardown(): Promise<void> {
  await (globalThis as { [DATABASE]?: TestDatabase })[DATABASE]?.dispose();
}
