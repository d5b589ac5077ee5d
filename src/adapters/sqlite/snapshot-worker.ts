// The thread that makes a snapshot, which takes as long as reading the whole file.

import { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";

// The cast: `takeSnapshot` starts this file, with these.
const { path, to } = workerData as { path: string; to: string };

const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
try {
  database.prepare("VACUUM INTO ?").run(to);
} finally {
  database.close();
}
