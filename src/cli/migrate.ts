/** `itera migrate`: brings the database up to date, as the server does at its start. */
import { readConfig } from "../runtimes/node/config.ts";
import { migrateStores, planStores, type MigratedStore, type MigrateStep } from "../runtimes/node/migrate-stores.ts";
import type { Command } from "./command.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";
import { oneLine } from "./terminal-text.ts";

/** The command. */
export const migrateCommand: Command = {
  name: "migrate",
  summary: "Bring the database's tables up to date",
  words: "",
  wordCount: [0, 0],
  options: { print: { about: "Only print the SQL that would run; change nothing" } },
  examples: [
    ["itera migrate", "runs what has not run yet; a server does the same when it starts"],
    ["itera migrate --print > migrate.sql", "writes the SQL for somebody who may run it"],
  ],
  run(input, output) {
    return input.has("print") ? print(output) : migrate(output);
  },
};

async function migrate(output: Output): Promise<void> {
  const progress = createProgress(output);
  const lines: Promise<void>[] = [];
  const onStep = (step: MigrateStep): void => {
    if ("ran" in step) {
      // For people; with --json there is one object at the end.
      if (!output.json) lines.push(output.line(`Ran ${step.ran}.`));
      return;
    }
    const { copied, present, left } = step.copied;
    const seen = copied + present + leftOf(left);
    progress.show(step.rows === 0 ? null : seen / step.rows, `${counted(copied, "conversation")} copied`);
  };
  try {
    const stores = await migrateStores(readConfig(), onStep);
    await Promise.all(lines);
    progress.clear();
    if (output.json) return await output.object({ success: true, data: { stores } });
    for (const done of stores) await summary(done, output);
  } finally {
    progress.clear();
  }
}

type Upgrade = NonNullable<MigratedStore["upgrade"]>;

function leftOf(left: Upgrade["left"]): number {
  return Object.values(left).reduce((sum, { rows }) => sum + rows, 0);
}

async function summary({ store, ran, upgrade }: MigratedStore, output: Output): Promise<void> {
  if (upgrade !== null) await upgraded(upgrade, output);
  await output.line(ran.length === 0 && upgrade === null ? `${store} was up to date.` : `${store} is up to date.`);
}

/** What became of a table of the guide's time. */
async function upgraded({ table, copied, present, left }: Upgrade, output: Output): Promise<void> {
  const there = present > 0 ? `; ${present} were there already` : "";
  await output.line(`Copied ${counted(copied, "conversation")} from the table of before, which is ${table} now${there}.`);
  const misfits = leftOf(left);
  if (misfits === 0) return;
  await output.line(`${counted(misfits, "row")} did not fit and ${misfits === 1 ? "stays" : "stay"} there as before:`);
  for (const [reason, { rows, examples }] of Object.entries(left)) {
    const more = rows > examples.length && examples.length > 0 ? ", …" : "";
    await output.line(`${String(rows).padStart(8)}  ${reason}: ${oneLine(examples.join(", "))}${more}`);
  }
}

async function print(output: Output): Promise<void> {
  const plans = await planStores(readConfig());
  if (output.json) return output.object({ success: true, data: { stores: plans } });
  for (const { store, sql } of plans) {
    if (sql !== "") await output.line(sql.trimEnd());
    else output.note(`${store} is up to date: there is nothing to run.`);
  }
  if (plans.length === 0) output.note("SQLite is brought up to date when it is opened: there is nothing to run.");
}
