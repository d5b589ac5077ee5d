/** Makes a backup over the ports: page by page, so that memory stays flat, sealed as it is stored. */
import { isoTime } from "../../core/conversation.ts";
import { NotSupportedError } from "../../core/errors.ts";
import type { Head, LifecycleEvent } from "../../core/head.ts";
import type { Records } from "../../core/records.ts";
import { scanIds } from "../../core/scan-ids.ts";
import type { Stores } from "../../core/stores.ts";
import { FORMAT_VERSION, manifestText, SCHEMA_VERSION, type Manifest, type ManifestFile, type ManifestTable } from "./backup-manifest.ts";
import type { BackupDraft } from "./backup-place.ts";
import { KEPT_KINDS, type ConversationRow, type RecordRow, type TableName } from "./backup-rows.ts";
import { writeTable } from "./table-writer.ts";

const PAGE = 200;
/** A conversation has up to 16 MiB. */
const AT_ONCE = 4;
/** The whole time of daily counts. */
const [FIRST_DAY, LAST_DAY] = ["1970-01-01", "9999-12-31"];

/** What is backed up, and how. */
export interface BackupOptions {
  readonly id: string;
  readonly program: string;
  readonly idPrefix: string;
  readonly consistency: Manifest["consistency"];
  readonly clock: () => number;
  /** The name of the master key that wraps the key of a conversation. */
  readonly masterOf: (keyring: string) => string;
  /** Told after each page: how many conversations of about how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends it: what was written is taken away. */
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly fileBytes?: number;
}

async function rowOf({ hot, archive, directory }: Stores, id: string): Promise<ConversationRow | null> {
  // The archive second: what moves there meanwhile is then seen in one of them at least.
  const live = await hot.read(id, Infinity);
  const over = (await archive?.read(id, Infinity)) ?? null;
  if (!live && !over) return null;
  const events: LifecycleEvent[] = [];
  for (let after: string | null = null; directory;) {
    const page: { events: LifecycleEvent[]; next: string | null } = await directory.events(id, after, PAGE);
    events.push(...page.events);
    if (page.next === null) break;
    after = page.next;
  }
  return { id, live, over, events };
}

async function* recordRows(records: Records): AsyncGenerator<RecordRow> {
  for (const kind of KEPT_KINDS) {
    for (let after: string | null = null; ;) {
      const page: Awaited<ReturnType<Records["list"]>> = await records.list(kind, after, PAGE);
      for (const { key, value } of page) yield { kind, key, value };
      if (page.length < PAGE) break;
      after = page.at(-1)!.key;
    }
  }
}

/**
 * Writes everything into a draft and finishes it. Give the stores themselves, not their encrypted view: what is sealed stays sealed.
 * Idempotency entries, claims, job marks and secrets are left out. Throws `NotSupportedError` for a hot store that cannot be listed.
 */
export async function makeBackup(stores: Stores, draft: BackupDraft, options: BackupOptions): Promise<Manifest> {
  const { archive, directory, hot, records } = stores;
  if (!hot.capabilities.scan) throw new NotSupportedError("This hot store cannot be listed, so it cannot be backed up");
  const { clock, fileBytes, id, masterOf, signal } = options;
  const startedAt = isoTime(clock());
  const tables: Partial<Record<TableName, ManifestTable>> = {};
  const files: ManifestFile[] = [];
  const keys = new Set<string>();
  let messages = 0;
  let erasurePosition = 0;

  async function table(name: TableName, rows: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    const writer = writeTable(draft, name, fileBytes);
    for await (const row of rows) {
      signal?.throwIfAborted();
      await writer.add(row);
    }
    const written = await writer.end();
    tables[name] = written.table;
    files.push(...written.files);
  }

  const days = (await directory?.analytics(FIRST_DAY, LAST_DAY)) ?? [];
  const total = days.reduce((sum, day) => sum + day.total, 0);

  function note(head: Head | undefined): void {
    if (typeof head?.keyring === "string") keys.add(masterOf(head.keyring));
  }

  async function* conversations(): AsyncGenerator<ConversationRow> {
    let done = 0;
    for await (const page of scanIds(stores)) {
      for (let i = 0; i < page.length; i += AT_ONCE) {
        for (const row of await Promise.all(page.slice(i, i + AT_ONCE).map((each) => rowOf(stores, each)))) {
          if (row === null) continue;
          note(row.live?.head);
          note(row.over?.head);
          messages += (row.live ?? row.over)!.messages.length;
          done++;
          yield row;
        }
      }
      options.onProgress?.(done, Math.max(total, done));
    }
  }

  async function* erasures(): AsyncGenerator<unknown> {
    for (;;) {
      const page = (await archive?.erasures(erasurePosition, PAGE)) ?? [];
      yield* page;
      erasurePosition = page.at(-1)?.n ?? erasurePosition;
      if (page.length < PAGE) return;
    }
  }

  try {
    await table("conversations", conversations());
    await table("records", records ? recordRows(records) : []);
    await table("days", days);
    // Last: whatever was erased since the beginning is named in it, and a restore heeds it first.
    await table("erasures", erasures());
    signal?.throwIfAborted();
    const manifest: Manifest = {
      format: "itera-backup",
      formatVersion: FORMAT_VERSION,
      id,
      startedAt,
      finishedAt: isoTime(clock()),
      schemaVersion: SCHEMA_VERSION,
      program: options.program,
      idPrefix: options.idPrefix,
      consistency: options.consistency,
      messages,
      keys: [...keys].toSorted(),
      erasurePosition,
      tables: tables as Record<TableName, ManifestTable>,
      files,
    };
    await draft.finish(Buffer.from(manifestText(manifest)));
    return manifest;
  } catch (error) {
    // What stood in the way is told, not that tidying up failed too.
    await draft.abandon().catch(() => {});
    throw error;
  }
}
