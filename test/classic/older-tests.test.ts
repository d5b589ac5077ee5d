// A team's own tests, written to the guide, pass on this package's modules under the older paths.

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { olderTests, ROOT, runOlderTests } from "./run-older-tests.ts";

const MODULES = {
  "../src/utils/conversation-id-generator.js": join(ROOT, "src/classic/conversation-id-generator.ts"),
  "../src/storage/conversation-storage-manager.js": join(ROOT, "src/classic/conversation-storage-manager.ts"),
  "../src/app.js": join(ROOT, "src/runtimes/node/app.ts"),
};

it.each(olderTests())("the two test files %s pass", async (_title, files) => {
  const folder = temporaryFolder();
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const { passed, failed, exitCode, output } = await runOlderTests(folder, files, MODULES);
  expect({ exitCode, failed, several: passed > 10 }, output).toEqual({ exitCode: 0, failed: 0, several: true });
});
