// A folder for one test, gone after it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Makes an empty folder that is removed when the test that asks for it has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "itera-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
