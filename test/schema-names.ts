// What the schemas of a run of the tests are called, so that those left over can be found and removed after it.

import { basename } from "node:path";

/** The file in the run's folder with the address of the server that has schemas of this run. */
export const SCHEMAS_NOTE = "schemas";

/** What every schema of this run begins with. */
export function schemaPrefix(): string {
  const run = basename(process.env.ITERA_TEST_ENGINES ?? "alone");
  return `itera_test_${run.replace("itera-engines-", "").toLowerCase()}_`;
}
