// The tests that run inside workerd with PostgreSQL behind a Hyperdrive binding. Apart from the others in workerd, which would not start
// without it. `TEST_POSTGRES_URL` names a server; without it one is started, if its programs are installed.

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { makeDatabase } from "./test/workers-postgres/database.ts";
import { DATABASE } from "./test/workers-postgres/teardown.ts";

const database = await makeDatabase();
Object.assign(globalThis, { [DATABASE]: database });
process.env["CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE"] = database.url;

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: "./test/workers-postgres/wrangler.jsonc" } })],
  test: {
    include: ["test/workers-postgres/**/*.test.ts"],
    globalSetup: ["test/workers-postgres/teardown.ts"],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Every use of `pg` in workerd leaves this behind, although its connection was ended.
    onUnhandledError: (error) => !error.message.includes("This socket has been closed"),
  },
});
