/** Copies one conversation from one set of stores into another: wherever it is there, with its events and its search text. */
import type { Archive } from "./archive.ts";
import type { Directory, RecordedEvent } from "./directory.ts";
import { createDigest } from "./digest.ts";
import type { Head, Whole } from "./head.ts";
import type { HotStore } from "./hot-store.ts";
import { canonicalJson, type Json } from "./json.ts";
import { searchTexts } from "./outbox.ts";
import type { Store } from "./store.ts";
import type { Stores } from "./stores.ts";

/** Where conversations are read from: stores, or what is like them. */
export interface CopySource {
  readonly hot: Pick<HotStore, "read">;
  readonly archive: Pick<Archive, "read"> | null;
  readonly directory: Pick<Directory, "events"> | null;
}

/** What became of it. `gone`: it is not at the source any more; `differs`: what was written reads otherwise. */
export type Copied = "added" | "replaced" | "unchanged" | "newer" | "erased" | "gone" | "differs";

/** What became of it in one store. */
type Written = "stored" | "erased" | "differs";

const EVENTS = 100;
const TEXTS = 500;
const digest = createDigest();

/** A hash of all that a conversation is; engines may order the keys of JSON objects as they like. */
async function hashOf({ head, messages }: Whole): Promise<string> {
  const said = messages.map(({ body, ...rest }) => ({ ...rest, body: JSON.parse(body) as Json }));
  return digest(canonicalJson([{ ...head, subjects: head.subjects.toSorted() }, said] as unknown as Json));
}

async function reads(store: Store, whole: Whole): Promise<boolean> {
  const there = await store.read(whole.head.id, Infinity);
  return there !== null && (await hashOf(there)) === (await hashOf(whole));
}

/** Whether `there` is what is at the source. A tombstone that the erasure log made there knows less than the one at the source. */
function isSame(there: Head | null, head: Head): boolean {
  return there !== null && there.version === head.version && there.incarnation === head.incarnation && there.status === head.status;
}

async function writeLive(to: Stores, whole: Whole): Promise<Written> {
  const there = (await to.hot.read(whole.head.id, 0))?.head;
  if (there) await to.hot.remove(whole.head.id, there.version);
  const created = await to.hot.create(whole);
  if (created.outcome === "refused") return "erased";
  return created.outcome === "done" && (await reads(to.hot, whole)) ? "stored" : "differs";
}

async function writeOver(to: Stores, whole: Whole): Promise<Written> {
  const put = await to.archive!.put(whole, { replace: true });
  if (put === "erased") return "erased";
  return put === "stored" && (await reads(to.archive!, whole)) ? "stored" : "differs";
}

/** Access is no change of the version, and counts all the same. */
async function touch(to: Stores, head: Head): Promise<void> {
  const there = (await to.hot.read(head.id, 0))?.head;
  if (!there || ((head.lastAccess ?? 0) <= (there.lastAccess ?? 0) && (head.expiresAt ?? 0) <= (there.expiresAt ?? 0))) return;
  const { lastAccess, expiresAt } = head;
  const moved = { ...(lastAccess === null ? {} : { lastAccess }), ...(expiresAt === null ? {} : { expiresAt }) };
  await to.hot.commit(head.id, { now: (await to.hot.probe()).now, touch: moved });
}

/** Events by names of their own that are the same in every run, since ports do not tell the names that they had. */
async function copyEvents(from: Pick<Directory, "events">, to: Directory, id: string): Promise<void> {
  const seen = new Map<string, number>();
  for (let after: string | null = null; ;) {
    const { events, next } = await from.events(id, after, EVENTS);
    const named = events.map((event): RecordedEvent => {
      const kind = `${id}:${event.at}:${event.type}`;
      const before = seen.get(kind) ?? 0;
      seen.set(kind, before + 1);
      return { n: `${kind}:${before}`, id, event };
    });
    if (named.length > 0) await to.record(named);
    if (next === null) return;
    after = next;
  }
}

async function index(to: Directory, { head, messages }: Whole): Promise<void> {
  if (!to.capabilities.search || head.wiped || head.status === "deleted" || messages.length === 0) return to.index(head);
  for (let i = 0; i < messages.length; i += TEXTS)
    await to.index(head, { after: i === 0 ? 0 : messages[i - 1]!.seq, messages: searchTexts(head.id, messages.slice(i, i + TEXTS)) });
}

/** How often a conversation may move between the stores of the source while it is copied. */
const ATTEMPTS = 10;

/** Copies a conversation as far as the target has not got this version of it. With `dryRun` it only says what would be done. */
export async function copyConversation(from: CopySource, to: Stores, id: string, dryRun: boolean): Promise<Copied> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const copied = await tryToCopy(from, to, id, dryRun);
    if (copied !== "moved") return copied;
  }
  return "differs";
}

async function tryToCopy(from: CopySource, to: Stores, id: string, dryRun: boolean): Promise<Copied | "moved"> {
  // The archive second: what moves there meanwhile is then seen in one of them at least.
  const live = (await from.hot.read(id, 0))?.head ?? null;
  const over = (await from.archive?.read(id, 0))?.head ?? null;
  const newest = live ?? over;
  if (!newest) return "gone";
  const liveThere = (await to.hot.read(id, 0))?.head ?? null;
  const overThere = (await to.archive?.read(id, 0))?.head ?? null;
  if ([liveThere, overThere].some((there) => there?.incarnation === newest.incarnation && there.version > newest.version)) return "newer";
  // Without an archive of its own the target keeps in its hot store what is over.
  const forHot = live ?? (to.archive ? null : over);
  const [toHot, toArchive] = [
    forHot !== null && !isSame(liveThere, forHot),
    over !== null && to.archive !== null && !isSame(overThere, over),
  ];
  const done = liveThere || overThere ? "replaced" : "added";
  if (dryRun) return toHot || toArchive ? done : "unchanged";

  const events = async (): Promise<void> => {
    if (from.directory && to.directory) await copyEvents(from.directory, to.directory, id);
  };
  if (!toHot && !toArchive) {
    if (live) await touch(to, live);
    else await removeLeft(to, newest);
    await events();
    return "unchanged";
  }
  const whole = await (live ? from.hot : from.archive!).read(id, Infinity);
  if (!whole) return "moved";
  // The conversation itself comes last: whatever stops this before its end, the next run finds it missing and begins again.
  if (to.directory) await index(to.directory, whole);
  await events();
  if (toArchive) {
    const archived = live ? await from.archive!.read(id, Infinity) : whole;
    if (!archived) return "moved";
    const put = await writeOver(to, archived);
    if (put !== "stored") return put;
  }
  if (!toHot) {
    if (!live) await removeLeft(to, newest);
    return done;
  }
  const created = await writeLive(to, whole);
  return created === "stored" ? done : created;
}

/** What an earlier run found living, and has left the source's hot store since. */
async function removeLeft(to: Stores, over: Head): Promise<void> {
  if (!to.archive) return;
  const left = (await to.hot.read(over.id, 0))?.head;
  if (left && left.incarnation === over.incarnation && left.version <= over.version) await to.hot.remove(over.id, left.version);
}
