/** `itera restore`: brings a backup into a database. */
import { describeBackup, restoreInto, type RestoreReport } from "../runtimes/node/backup-work.ts";
import { readConfig, resolved, type Config } from "../runtimes/node/config.ts";
import type { StorePlaces } from "../runtimes/node/open-stores.ts";
import { BadValue } from "../runtimes/node/setting.ts";
import { databaseUrl, nameOf } from "../runtimes/node/store-url.ts";
import { UsageError, type Command, type Input } from "./command.ts";
import { NotConfirmedError, YES } from "./confirm.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";
import { utcTime } from "./utc-time.ts";

/** The command. */
export const restoreCommand: Command = {
  name: "restore",
  summary: "Restore a backup into a database that is not served",
  words: "BACKUP",
  wordCount: [1, 1],
  options: {
    to: { value: "URL", about: "The database: sqlite:… or postgresql://… (default: DATABASE_URL, with HOT_STORE_URL)" },
    "into-existing": { about: "Add what is missing to a database that is not empty; what is newer there stays" },
    ...YES,
  },
  examples: [
    ["itera restore latest", "the newest one in BACKUP_TARGET, into the configured database; asks first"],
    [
      "itera restore ./backups/20260131T020000Z-0a1b2c3d --to postgresql://itera@db.example.com/itera --yes",
      "from whichever engine, into another",
    ],
    ["itera restore latest --yes", "again, after it was broken off: goes on where it was"],
  ],
  async run(input, output) {
    const config = readConfig();
    const backup = await describeBackup(config, input.words[0]!);
    const places = placesOf(input, config);
    const { id, startedAt, tables, messages } = backup.manifest;
    const what = `${counted(tables.conversations.rows, "conversation")} with ${counted(messages, "message")}`;
    await confirmed(
      input,
      output,
      `Restoring ${id} of ${utcTime(startedAt)} puts ${what} into ${nameOf(places.database)}. No server may run on it meanwhile.`,
    );
    const progress = createProgress(output);
    let report: RestoreReport;
    try {
      report = await restoreInto(config, places, backup, {
        intoExisting: input.has("into-existing"),
        ...(input.text("to") !== undefined && { wanted: { database: "--to", hotStore: "--to" } }),
        onProgress: (part, text) => progress.show(part, text),
        onNote: (text) => {
          progress.clear();
          output.note(`itera: ${text}`);
        },
      });
    } finally {
      progress.clear();
    }
    await answer(report, output);
  },
};

function placesOf(input: Input, config: Config): StorePlaces {
  const { idPrefix, poolSize, environment } = config;
  const common = { idPrefix, poolSize, environment };
  const to = input.text("to");
  if (to === undefined) return { database: config.database, hotStore: config.hotStore, ...common };
  try {
    return { database: resolved(databaseUrl(to)), hotStore: null, ...common };
  } catch (error) {
    if (error instanceof BadValue) throw new UsageError(`--to: ${error.message}`, `For example: ${error.right}`);
    throw error;
  }
}

async function confirmed(input: Input, output: Output, sentence: string): Promise<void> {
  if (input.has("yes")) return;
  const typed = await output.ask(`${sentence}\nType yes to go on: `);
  if (typed === null)
    throw new NotConfirmedError(
      `${sentence} Nobody has confirmed it, and nothing was changed.`,
      {},
      "Add --yes to do it, or run it on a terminal, where it asks.",
    );
  if (typed.trim().toLowerCase() !== "yes") throw new NotConfirmedError("It was not confirmed. Nothing was changed.", {});
}

async function answer(report: RestoreReport, output: Output): Promise<void> {
  if (output.json) return output.object({ success: true, data: report });
  const { backup, resumed, conversations, added, replaced, unchanged, newer, erased, erasures, records, uncounted } = report;
  await output.line(
    `${backup} is restored${resumed ? ", from where it was broken off" : ""}: ${counted(conversations, "conversation")}, each compared.`,
  );
  const rows: [number, string][] = [
    [added, "restored"],
    [replaced, "put in the place of an older version"],
    [unchanged, "there already"],
    [newer, "left alone, since they are newer there"],
    [erased, "not brought back, since they were erased"],
    [erasures, "erasures taken over"],
    [records, "keys, receipts and other small things"],
    [uncounted, "purged ones in daily counts, which cannot be restored"],
  ];
  for (const [count, about] of rows) if (count > 0) await output.line(`${String(count).padStart(8)}  ${about}`);
  if (report.apiKeys > 0) output.note("API keys that were revoked after the backup was made are valid again: revoke them again.");
}
