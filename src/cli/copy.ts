/** `itera copy`: copies everything from one store to another, as often as is wanted. */
import { createHash } from "node:crypto";
import { copyStores, type CopyReport } from "../core/copy.ts";
import { createIdGenerator } from "../core/id.ts";
import { ConversationManager } from "../core/manager.ts";
import type { Stores } from "../core/stores.ts";
import { readConfig, resolved, type Config } from "../runtimes/node/config.ts";
import { asIfMade, openStoresAt, type OpenStores, type StorePlaces } from "../runtimes/node/open-stores.ts";
import { carrySecret } from "../runtimes/node/service-secret.ts";
import { BadValue } from "../runtimes/node/setting.ts";
import { databaseUrl, sameDatabase, storeUrl, type StoreUrl } from "../runtimes/node/store-url.ts";
import { UsageError, type Command, type Input } from "./command.ts";
import { confirm, YES } from "./confirm.ts";
import { counted } from "./counted.ts";
import type { Output } from "./output.ts";
import { createProgress } from "./progress.ts";

const SOURCE = { database: "--from", hotStore: "--from-hot" } as const;
const TARGET = { database: "--to", hotStore: "--to-hot" } as const;

/** The command. */
export const copyCommand: Command = {
  name: "copy",
  summary: "Copy everything to another store, or what has changed since",
  words: "",
  wordCount: [0, 0],
  options: {
    from: { value: "URL", about: "The database to copy: sqlite:… or postgresql://… (default: DATABASE_URL)" },
    "from-hot": { value: "URL", about: "Its hot store, if that is another (default with DATABASE_URL: HOT_STORE_URL)" },
    to: { value: "URL", about: "The database to copy to; what it lacks is made" },
    "to-hot": { value: "URL", about: "Its hot store, if that is to be another: redis://…, postgresql://… or sqlite:…" },
    "dry-run": { about: "Only count; change nothing" },
    ...YES,
  },
  examples: [
    ["itera copy --to postgresql://itera@db.example.com/itera", "from the configured store, which may be served meanwhile"],
    ["itera copy --to postgresql://itera@db.example.com/itera", "again, after the server has stopped: takes what has changed since"],
    ["itera copy --from sqlite:./old.db --to sqlite:./new.db --dry-run", "says what would be copied"],
  ],
  async run(input, output) {
    const config = readConfig();
    const [from, to] = [sourceOf(input, config), targetOf(input, config)];
    if (sameDatabase(from.database, to.database)) throw new UsageError("--from and --to are the same database");
    const dryRun = input.has("dry-run");
    const source = await openStoresAt(from, { create: false, wanted: SOURCE });
    try {
      const made = dryRun ? await asIfMade(to) : null;
      const target =
        made ?? (await openStoresAt(to, { create: !dryRun, wanted: TARGET, onWarning: (text) => output.note(`itera: ${text}`) }));
      try {
        if (!dryRun) await prepare(config, from, source, to, target, output);
        return await copy(input, output, nameOf(from), source.stores, target, config);
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  },
};

/** Reads an address that was typed. */
function address<U extends StoreUrl>(input: Input, option: string, read: (text: string) => U): U | null {
  const text = input.text(option);
  if (text === undefined) return null;
  try {
    return resolved(read(text));
  } catch (error) {
    if (error instanceof BadValue) throw new UsageError(`--${option}: ${error.message}`, `For example: ${error.right}`);
    throw error;
  }
}

function sourceOf(input: Input, config: Config): StorePlaces {
  const given = address(input, "from", databaseUrl);
  const hotStore = address(input, "from-hot", storeUrl) ?? (given === null ? config.hotStore : null);
  return placesOf(config, given ?? config.database, hotStore);
}

function targetOf(input: Input, config: Config): StorePlaces {
  const database = address(input, "to", databaseUrl);
  if (database === null) throw new UsageError("--to is missing", "Say where to copy to: itera copy --to postgresql://user@host/database");
  return placesOf(config, database, address(input, "to-hot", storeUrl));
}

function placesOf(config: Config, database: StorePlaces["database"], hotStore: StoreUrl | null): StorePlaces {
  const { idPrefix, poolSize, environment } = config;
  return { database, hotStore: hotStore && sameDatabase(hotStore, database) ? null : hotStore, idPrefix, poolSize, environment };
}

/** A name of the source that shows nothing of its address. */
function nameOf({ database, hotStore }: StorePlaces): string {
  return createHash("sha256")
    .update(JSON.stringify([database, hotStore]))
    .digest("hex")
    .slice(0, 32);
}

/** What goes before: events that wait at the source, and the secret of development. */
async function prepare(
  config: Config,
  from: StorePlaces,
  source: OpenStores,
  to: StorePlaces,
  target: OpenStores,
  output: Output,
): Promise<void> {
  const ids = createIdGenerator({ prefix: config.idPrefix });
  await new ConversationManager(source.stores, { ids, environment: config.letter }).deliver();
  await target.prepare();
  if (config.secret !== null) return;
  const carried = await carrySecret(
    { database: from.database, records: source.stores.records },
    { database: to.database, records: target.stores.records },
  );
  if (!carried) {
    output.note("itera: the target keeps a secret of its own; people and repeated imports of what is copied are not known again there");
  }
}

async function isEmpty({ hot, archive }: Stores): Promise<boolean> {
  return (await hot.scan(null, 1)).length === 0 && ((await archive?.scan(null, 1)) ?? []).length === 0;
}

async function copy(input: Input, output: Output, name: string, from: Stores, target: OpenStores, config: Config): Promise<number> {
  const dryRun = input.has("dry-run");
  const to = target.stores;
  const progress = createProgress(output);
  const run = async (only: boolean): Promise<CopyReport> => {
    try {
      return await copyStores(from, to, {
        name,
        dryRun: only,
        onProgress: ({ conversations }, total) =>
          progress.show(total === 0 ? null : conversations / total, `${conversations} of about ${total}${only ? " looked at" : ""}`),
      });
    } finally {
      progress.clear();
    }
  };
  if (!dryRun && !input.has("yes") && !(await isEmpty(to))) {
    const { replaced, erasures } = await run(true);
    const removes = `older versions of ${counted(replaced, "conversation")} in the target`;
    if (replaced + erasures > 0) await confirm(input, output, { deed: "Copying", removes, details: { replaced, erasures } });
  }
  const report = await run(dryRun);
  // So that lists and searches know all of it at once, also where no server runs.
  if (!dryRun)
    await new ConversationManager(to, { ids: createIdGenerator({ prefix: config.idPrefix }), environment: config.letter }).deliver();
  return answer(report, output);
}

async function answer(report: CopyReport, output: Output): Promise<number> {
  const { dryRun, conversations, added, replaced, unchanged, newer, erased, erasures, records, differing, uncounted } = report;
  if (differing.length > 0) {
    output.failure(
      `${counted(differing.length, "conversation")} could not be copied as they are: ${differing.slice(0, 5).join(", ")}`,
      "internal",
      { ...report },
      "Run the same again; if it stays, look at these conversations.",
    );
    return 1;
  }
  if (output.json) {
    await output.object({ success: true, data: report });
    return 0;
  }
  await output.line(
    dryRun
      ? `Nothing was changed. A copy would take ${counted(added + replaced, "conversation")} of ${conversations}:`
      : `${counted(added + replaced, "conversation")} of ${conversations} copied and compared:`,
  );
  const rows: [number, string][] = [
    [added, "new there"],
    [replaced, "newer than the copy that was there"],
    [unchanged, "there already"],
    [newer, "left alone, since they are newer there"],
    [erased, "left out, since they were erased there"],
    [erasures, "erasures taken over"],
    [records, "receipts and other small things"],
    [uncounted, "purged ones in daily counts, which are not taken along"],
  ];
  for (const [count, what] of rows) if (count > 0) await output.line(`${String(count).padStart(8)}  ${what}`);
  return 0;
}
