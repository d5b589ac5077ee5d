// CONTROL: appends to a SQLite file as the server does, but with `synchronous=NORMAL`, which promises order and no durability. It prints the
// number of each row after its commit.

import { mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const folder = process.argv[2]!;
mkdirSync(folder, { recursive: true });
const database = new DatabaseSync(`${folder}/rows.db`);
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE rows (n INTEGER PRIMARY KEY)");
// The table itself is there for good: a checkpoint syncs whatever the setting.
database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
const insert = database.prepare("INSERT INTO rows DEFAULT VALUES RETURNING n");
setInterval(() => console.log((insert.get() as { n: number }).n), 2);
