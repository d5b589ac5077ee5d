/** Rotation: every conversation's key is wrapped by the newest master key, and what was stored without encryption is encrypted. Runs while serving. */
import type { Archive } from "../../core/archive.ts";
import type { Head } from "../../core/head.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Stores } from "../../core/stores.ts";
import { createConversationKeys, type ConversationKeys } from "./conversation-keys.ts";
import { encryptInPlace } from "./encrypt-in-place.ts";
import { createMasterKeys, type MasterKey, type MasterKeys } from "./master-keys.ts";
import { hasContent, sealWhole } from "./sealed-parts.ts";

/** What a rotation has done so far. */
export interface RotationCounts {
  /** Conversations looked at. */
  seen: number;
  /** Wrapped by another master key before. */
  rewrapped: number;
  /** Stored without encryption before. */
  encrypted: number;
  /** Left as they are, since their key cannot be read. */
  failed: number;
}

/** Which master keys are in use: how many conversations each wraps. */
export interface KeysInUse {
  readonly byMaster: { readonly [id: string]: number };
  /** Stored without encryption. */
  readonly plain: number;
  /** With a wrapped key that is damaged. */
  readonly damaged: number;
}

/** How a rotation runs. */
export interface RotationOptions {
  /** Told after every page. */
  readonly onProgress?: (counts: RotationCounts) => void;
  /** Told of each conversation that is left as it is. */
  readonly onFailure?: (id: string, error: unknown) => void;
}

const PAGE = 100;
const KIND = "job";

interface Mark {
  place: "hot" | "archive";
  after: string | null;
  counts: RotationCounts;
}

function readMark(value: unknown): Mark | null {
  return isJsonObject(value as never) ? (value as unknown as Mark) : null;
}

/** What is to be done for a head. */
function needed(master: MasterKeys, head: Head): "rewrap" | "encrypt" | null {
  if (head.keyring === null) return hasContent(head) ? "encrypt" : null;
  return master.masterOf(head.keyring) === master.current ? null : "rewrap";
}

async function rotateLive(
  { hot, directory }: Pick<Stores, "hot" | "directory">,
  keys: ConversationKeys,
  master: MasterKeys,
  first: Head,
): Promise<"rewrap" | "encrypt" | null> {
  let head: Head | null = first;
  while (head) {
    const what = needed(master, head);
    if (what === null) return null;
    if (what === "encrypt") return (await encryptInPlace(hot, keys, head.id)) ? what : null;
    const keyring = await master.rewrap(head.id, head.keyring!);
    if (keyring === null) return null;
    const { now } = await hot.probe();
    const committed = await hot.commit(head.id, { now, require: { version: head.version }, keyring });
    if (committed.outcome === "done") {
      // The entry has a copy of the wrapped key; it is not left to the outbox, which may be passed on much later.
      await directory?.index(committed.head);
      return what;
    }
    head = committed.outcome === "conflict" ? committed.head : null;
  }
  return null;
}

async function rotateArchived(
  { archive, directory }: { archive: Archive; directory: Stores["directory"] },
  keys: ConversationKeys,
  master: MasterKeys,
  first: Head,
): Promise<"rewrap" | "encrypt" | null> {
  for (;;) {
    const what = needed(master, first);
    if (what === null) return null;
    const whole = await archive.read(first.id, Number.MAX_SAFE_INTEGER);
    if (!whole) return null;
    const now = needed(master, whole.head);
    if (now === null) return null;
    const keyring = now === "rewrap" ? await master.rewrap(whole.head.id, whole.head.keyring!) : null;
    const stored = keyring === null ? await sealWhole(whole, await keys.create(first.id)) : { ...whole, head: { ...whole.head, keyring } };
    const put = await archive.put(stored, { replace: true });
    if (put === "erased") return null;
    if (put === "older") {
      first = (await archive.read(first.id, 0))?.head ?? first;
      continue;
    }
    // Text of a time without encryption goes from the index.
    await directory?.index(stored.head, now === "encrypt" && directory.capabilities.search ? { after: 0, messages: [] } : undefined);
    return now;
  }
}

/**
 * Rotates over the stores themselves, not over their encrypted view. A run that is broken off goes on where it was; one that
 * is through begins anew. Conversations in a hot store that cannot list itself are rotated when they reach the archive.
 */
export async function rotateKeys(stores: Stores, masterKeys: readonly MasterKey[], options: RotationOptions = {}): Promise<RotationCounts> {
  const { hot, archive, directory, records } = stores;
  const master = createMasterKeys(masterKeys);
  const keys = createConversationKeys(master);
  const job = `rotate to ${master.current}`;
  const mark: Mark = readMark((await records?.get(KIND, job))?.value) ?? {
    place: "hot",
    after: null,
    counts: { seen: 0, rewrapped: 0, encrypted: 0, failed: 0 },
  };
  const { counts } = mark;

  async function pages(
    scan: (after: string | null, limit: number) => Promise<Head[]>,
    rotate: (head: Head) => Promise<"rewrap" | "encrypt" | null>,
  ) {
    for (;;) {
      const page = await scan(mark.after, PAGE);
      for (const head of page) {
        counts.seen++;
        try {
          const done = await rotate(head);
          if (done === "rewrap") counts.rewrapped++;
          if (done === "encrypt") counts.encrypted++;
        } catch (error) {
          counts.failed++;
          options.onFailure?.(head.id, error);
        }
      }
      if (page.length < PAGE) return;
      mark.after = page.at(-1)!.id;
      await records?.put(KIND, job, { ...mark, counts: { ...counts } });
      options.onProgress?.({ ...counts });
    }
  }

  if (mark.place === "hot") {
    if (hot.capabilities.scan)
      await pages(
        (after, limit) => hot.scan(after, limit),
        (head) => rotateLive({ hot, directory }, keys, master, head),
      );
    mark.place = "archive";
    mark.after = null;
  }
  if (archive) {
    await pages(
      (after, limit) => archive.scan(after, limit),
      (head) => rotateArchived({ archive, directory }, keys, master, head),
    );
  }
  await records?.remove(KIND, job);
  options.onProgress?.({ ...counts });
  return counts;
}

/** Counts which master keys are in use: what is left before an old one can go. Reads every head. */
export async function keysInUse({ hot, archive }: Stores, masterKeys: readonly MasterKey[]): Promise<KeysInUse> {
  const master = createMasterKeys(masterKeys);
  const byMaster: Record<string, number> = {};
  let plain = 0;
  let damaged = 0;
  for (const store of [hot.capabilities.scan ? hot : null, archive]) {
    for (let after: string | null = null; store;) {
      const page: Head[] = await store.scan(after, PAGE);
      for (const head of page) {
        if (head.keyring === null) {
          if (hasContent(head)) plain++;
          continue;
        }
        try {
          const id = master.masterOf(head.keyring);
          byMaster[id] = (byMaster[id] ?? 0) + 1;
        } catch {
          damaged++;
        }
      }
      if (page.length < PAGE) break;
      after = page.at(-1)!.id;
    }
  }
  return { byMaster, plain, damaged };
}
