/** Restores a backup into stores of any engine: checked first, resumable, without what was erased since. */
import { randomBytes } from "node:crypto";
import type { Erasure } from "../../core/archive.ts";
import { ConflictError, InvalidInputError, NotSupportedError, StoredDataError, StoreUnavailableError } from "../../core/errors.ts";
import type { Stores } from "../../core/stores.ts";
import { damaged } from "./backup-error.ts";
import type { BackupPlace } from "./backup-place.ts";
import type { Manifest } from "./backup-manifest.ts";
import { KEPT_KINDS, type ConversationRow } from "./backup-rows.ts";
import { checkBackup, openBackup } from "./check-backup.ts";
import { applyErasures, erasedRow } from "./restore-erasures.ts";
import { restoreConversation } from "./restore-conversation.ts";
import { restoreMark, setRestoreMark, type RestoreMark } from "./restore-mark.ts";
import { readTable } from "./table-reader.ts";

const AT_ONCE = 8;
/** So many conversations, or so many bytes of them, are in memory at once. */
const BATCH = 200;
const BATCH_BYTES = 32 * 1024 * 1024;
const PAGE = 200;
const [FIRST_DAY, LAST_DAY] = ["1970-01-01", "9999-12-31"];

/** What a restore did. */
export interface RestoreReport {
  readonly backup: string;
  /** When the backup was begun. */
  readonly startedAt: string;
  /** It was begun by an earlier run, and this one went on. */
  resumed: boolean;
  conversations: number;
  messages: number;
  added: number;
  replaced: number;
  unchanged: number;
  /** Left as they are in the target. */
  newer: number;
  /** In the backup, and erased since: restored as a tombstone. */
  erased: number;
  /** Entries of erasure logs that the target did not know. */
  erasures: number;
  records: number;
  /** API keys among them: those that were revoked after the backup are valid again. */
  apiKeys: number;
  /** Purged ones in daily counts, which cannot be restored. */
  uncounted: number;
  /** The names of the master keys that are needed. */
  readonly keys: readonly string[];
}

/** How a restore is done. */
export interface RestoreOptions {
  readonly idPrefix: string;
  /** Add to what is in the target, instead of refusing. */
  readonly intoExisting?: boolean;
  /** Where newer backups may be: the erasures that they know are heeded. */
  readonly newer?: readonly BackupPlace[];
  /** Told which part of which step is done. */
  readonly onProgress?: (step: "checking" | "restoring", part: number, conversations: number) => void;
  /** Told of a newer backup that cannot be read. */
  readonly onWarning?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

async function hasConversations({ hot, archive }: Stores): Promise<boolean> {
  for (const store of [hot, archive]) {
    for (let after: string | null = null; store;) {
      const page: { id: string; status: string }[] = await store.scan(after, PAGE);
      if (page.some(({ status }) => status !== "deleted")) return true;
      if (page.length < PAGE) break;
      after = page.at(-1)!.id;
    }
  }
  return false;
}

/** The erasure log of the newest backup there that can be read, if it is newer than this one. */
async function newestLog(place: BackupPlace, { id }: Manifest, onWarning: (sentence: string) => void): Promise<AsyncIterable<Erasure>[]> {
  for (const other of (await place.list()).toReversed()) {
    if (other <= id) return [];
    try {
      const manifest = await openBackup(place, other);
      const entries: Erasure[] = [];
      for await (const entry of readTable(place, manifest, "erasures")) entries.push(entry);
      return [
        (async function* () {
          yield* entries;
        })(),
      ];
    } catch (error) {
      if (!(error instanceof StoredDataError) && !(error instanceof ConflictError)) throw error;
      onWarning(`The newer backup ${other} cannot be asked what was erased since: ${error.message}`);
    }
  }
  return [];
}

async function* batches(rows: AsyncIterable<ConversationRow>, after: string): AsyncGenerator<{ rows: ConversationRow[]; seen: number }> {
  let batch: ConversationRow[] = [];
  let bytes = 0;
  let seen = 0;
  let last = "";
  for await (const row of rows) {
    if (row.id <= last || (!row.live && !row.over)) throw damaged("its conversations are not in order");
    last = row.id;
    seen++;
    if (row.id <= after) continue;
    batch.push(row);
    bytes += (row.live?.head.bytes ?? 0) + (row.over?.head.bytes ?? 0);
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield { rows: batch, seen };
    batch = [];
    bytes = 0;
  }
  yield { rows: batch, seen };
}

/** The mark of this restore: that of a run before it, or a new one. */
async function begin(to: Stores, { id }: Manifest, intoExisting: boolean): Promise<{ mark: RestoreMark; resumed: boolean }> {
  const there = await restoreMark(to.records!);
  if (there?.backup === id) return { mark: there, resumed: !there.done };
  if (there && !there.done) {
    throw new ConflictError(`Restoring ${there.backup} into this database was broken off; finish that first, or take an empty database`);
  }
  if (!intoExisting && (await hasConversations(to))) {
    throw new ConflictError(
      "There are conversations in this database already, so nothing was restored. Take an empty one, or add --into-existing to add what it lacks",
    );
  }
  return { mark: { backup: id, salt: randomBytes(16).toString("hex"), after: "", done: false }, resumed: false };
}

/**
 * Restores everything. Give the stores themselves, not their encrypted view, and do not serve them meanwhile. The same restore can be run
 * again at any time: it goes on where it was stopped, and what is newer in the target stays. Throws `StoredDataError` for a damaged backup,
 * `ConflictError` for one of a newer version, or a target that holds something else; nothing was changed then.
 */
export async function restoreBackup(place: BackupPlace, id: string, to: Stores, options: RestoreOptions): Promise<RestoreReport> {
  const { archive, directory, hot, records } = to;
  if (!archive || !directory || !records || !hot.capabilities.atomic || !hot.capabilities.scan)
    throw new NotSupportedError(
      "A backup can only be restored into stores that list and compare, with an archive, a directory and records",
    );
  const { onProgress = () => {}, onWarning = () => {}, signal } = options;
  const manifest = await checkBackup(place, id, (part) => {
    signal?.throwIfAborted();
    onProgress("checking", part, 0);
  });
  if (manifest.idPrefix !== options.idPrefix) {
    throw new InvalidInputError(
      `The backup holds IDs that begin with ${manifest.idPrefix}, not ${options.idPrefix}; set CONVERSATION_ID_PREFIX=${manifest.idPrefix}`,
    );
  }
  const { mark, resumed } = await begin(to, manifest, options.intoExisting === true);
  const newer = (await Promise.all((options.newer ?? []).map((each) => newestLog(each, manifest, onWarning)))).flat();
  // From here on the database is not served until all of it is there.
  const kept = { ...mark, done: false };
  await setRestoreMark(records, kept);
  const { erased, added: erasures } = await applyErasures(to, [readTable(place, manifest, "erasures"), ...newer]);
  const report: RestoreReport = {
    backup: id,
    startedAt: manifest.startedAt,
    resumed,
    conversations: 0,
    messages: manifest.messages,
    added: 0,
    replaced: 0,
    unchanged: 0,
    newer: 0,
    erased: 0,
    erasures,
    records: 0,
    apiKeys: 0,
    uncounted: 0,
    keys: manifest.keys,
  };

  async function one(row: ConversationRow): Promise<void> {
    const at = erased.get(row.id);
    const done = await restoreConversation(at === undefined ? row : erasedRow(row, at), to, mark.salt);
    if (done === "differs" || done === "gone")
      throw new StoreUnavailableError(
        `${row.id} reads otherwise than it was restored. Run the same again; if it stays, look at the target`,
      );
    report[at === undefined ? done : "erased"]++;
  }

  const total = manifest.tables.conversations.rows;
  for await (const { rows, seen } of batches(readTable(place, manifest, "conversations"), mark.done ? "" : mark.after)) {
    signal?.throwIfAborted();
    const left = rows.toReversed();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let row = left.pop(); row; row = left.pop()) await one(row);
      }),
    );
    report.conversations = seen;
    const last = rows.at(-1)?.id;
    if (last !== undefined) await setRestoreMark(records, { ...kept, after: last });
    onProgress("restoring", total === 0 ? 1 : seen / total, seen);
  }
  for await (const { kind, key, value } of readTable(place, manifest, "records")) {
    // Nothing else is in a backup, and nothing else may be set by one.
    if (!KEPT_KINDS.some((each) => each === kind)) throw damaged(`it holds a record of the kind ${JSON.stringify(kind)}`);
    if (!(await records.put(kind, key, value, { ifVersion: 0 })).won) continue;
    report.records++;
    if (kind === "key") report.apiKeys++;
  }
  let counted = 0;
  for await (const day of readTable(place, manifest, "days")) counted += day.total;
  const there = (await directory.analytics(FIRST_DAY, LAST_DAY)).reduce((sum, day) => sum + day.total, 0);
  report.uncounted = Math.max(0, counted - there);
  await setRestoreMark(records, { ...kept, done: true, after: "" });
  return report;
}
