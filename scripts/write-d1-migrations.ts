// Writes the migrations of the D1 adapter as files for `wrangler d1 migrations apply`: `node scripts/write-d1-migrations.ts`.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrationFiles } from "../src/adapters/d1/migrations.ts";

const folder = join(import.meta.dirname, "..", "database", "d1");
mkdirSync(folder, { recursive: true });
for (const { name, sql } of await migrationFiles()) writeFileSync(join(folder, name), sql);
