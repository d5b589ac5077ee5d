// The tests that run inside workerd, the runtime of Cloudflare Workers. They have a configuration of their own because inside
// `projects` the plugin resolves packages by the conditions of Node, with which `pg` fails.

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: "./test/workers/wrangler.jsonc" } })],
  test: {
    include: ["test/workers/**/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Every use of `pg` in workerd leaves this behind, although its connection was ended.
    onUnhandledError: (error) => !error.message.includes("This socket has been closed"),
  },
});
