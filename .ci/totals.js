// Adds up vitest's JSON reports into "N passed, N failed, N skipped". Exits 1 if a report is missing, nothing passed or anything failed.
// Plain JavaScript for whatever Node the machine has.

import { readFileSync } from "node:fs";

const total = { passed: 0, failed: 0, skipped: 0 };
let sound = process.argv.length > 2;

for (const path of process.argv.slice(2)) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    console.error(`totals: no report in ${path}: ${error.message}`);
    sound = false;
    continue;
  }
  for (const file of report.testResults) {
    for (const { status } of file.assertionResults) total[status === "passed" || status === "failed" ? status : "skipped"] += 1;
    // a file that could not even be loaded, or whose hooks failed, has no failed test of its own
    if (file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed")) total.failed += 1;
  }
}

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = sound && total.passed > 0 && total.failed === 0 ? 0 : 1;
