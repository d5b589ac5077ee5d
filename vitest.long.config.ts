// What `npm run test:long` runs: the tests that take minutes to hours, one file at a time.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    globalSetup: ["test/engines-setup.ts"],
    include: ["test/long/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
});
