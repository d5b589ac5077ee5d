// Empties the D1 database of a test file, between its cases.

import { migrateD1, type D1DatabaseLike } from "../../src/adapters/d1/d1-stores.ts";

const TABLES = ["archive", "entries", "erasures", "days", "events", "records"];

/** Removes all rows; triggers remove what hangs on them. */
export async function emptyD1(database: D1DatabaseLike): Promise<void> {
  await migrateD1(database);
  await database.batch(TABLES.map((table) => database.prepare(`DELETE FROM ${table}`)));
}
