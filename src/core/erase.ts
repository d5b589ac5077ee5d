/** Wiping and erasing: removed for good before the answer, with a receipt, and never brought back. */
import { isoTime, toConversation, type Conversation } from "./conversation.ts";
import type { ExpectedVersion, Receipt, SubjectErasure } from "./conversations.ts";
import { applyChange } from "./apply-change.ts";
import { checkId, commitPlan, expecting, isExpected, onHold, readWhole, settle, tell, type Context } from "./commit.ts";
import {
  ConflictError,
  ConversationError,
  ConversationNotFoundError,
  InvalidInputError,
  NotSupportedError,
  VersionMismatchError,
} from "./errors.ts";
import type { Head } from "./head.ts";
import type { Change, Requirement } from "./hot-store.ts";
import { checkText } from "./incoming.ts";
import type { Json } from "./json.ts";
import { phaseOf, planVerb } from "./lifecycle.ts";
import { verbInput } from "./settings.ts";

type Removal = "wipe" | "erase";
const PAGE = 100;

/** Wipes metadata and transcript; what stays is a skeleton. Wiping again answers the first receipt. */
export async function wipeConversation(
  context: Context,
  id: string,
  reason: string,
  expectedVersion?: ExpectedVersion,
): Promise<Conversation & { receipt: Receipt }> {
  const { head, receipt } = await remove(context, id, "wipe", reason, expecting(expectedVersion));
  return Object.assign(toConversation(head, []), { receipt });
}

/** `eraseConversation` of the interface: leaves a tombstone. Erasing again answers the first receipt. */
export async function eraseConversation(
  context: Context,
  id: string,
  options: { reason?: string; expectedVersion?: ExpectedVersion } = {},
): Promise<Receipt> {
  const reason = options.reason === undefined ? undefined : checkText(options.reason, "reason", context.settings.limits.reason);
  return (await remove(context, id, "erase", reason, expecting(options.expectedVersion))).receipt;
}

async function remove(
  context: Context,
  id: string,
  verb: Removal,
  reason: string | undefined,
  wanted: Requirement,
): Promise<{ head: Head; receipt: Receipt }> {
  const { settings } = context;
  checkId(context, id);
  const found = await readWhole(context, id, 0);
  if (!found) throw new ConversationNotFoundError(id);
  const before = found.whole.head;
  const input = verbInput(settings, reason === undefined ? {} : { reason });
  const planned = planVerb(verb, phaseOf(before, input.now), input);
  const archived = await archivedMessages(context, id);
  if (planned === "as stored") {
    // A try before this one may have stopped half-way; its rest is done now.
    await finish(context, before);
    return { head: before, receipt: await storedReceipt(context, before, verb, archived) };
  }
  if (!isExpected(before, wanted)) throw new VersionMismatchError(before);
  if (before.hold) throw onHold();

  const alone = found.place === "archive" ? await removeFromArchiveAlone(context, before, planned) : null;
  const head = alone ?? (await removeFromHot(context, id, found.place === "hot" ? before : null, verb, reason, wanted));
  await finish(context, head);
  const receipt = await keepReceipt(context, {
    id,
    action: verb === "wipe" ? "wiped" : "erased",
    at: isoTime(input.now),
    removed: { hot: alone || before.wiped ? 0 : head.lastSeq, archive: archived },
    overwrittenBy: overwrittenBy(context, input.now),
    backupsExpireAt: settings.backupRetentionMs === null ? null : isoTime(input.now + settings.backupRetentionMs),
  });
  return { head, receipt };
}

/** What the commit has decided reaches every other place before the answer: archive, directory, the engines' files. */
async function finish(context: Context, head: Head): Promise<void> {
  const { archive, directory, hot } = context.stores;
  await settle(context, head.id);
  await directory?.index(head);
  await Promise.all([hot.scrub(), archive?.scrub()]);
}

async function removeFromHot(
  context: Context,
  id: string,
  head: Head | null,
  verb: Removal,
  reason: string | undefined,
  wanted: Requirement,
): Promise<Head> {
  const result = await commitPlan(
    context,
    id,
    head,
    (phase) => planVerb(verb, phase, verbInput(context.settings, reason === undefined ? {} : { reason })),
    { wanted, expireFirst: false },
  );
  if (result.outcome !== "as stored") tell(context, id, result.change);
  return result.head;
}

/** What is in the archive alone comes back as a skeleton only, never with its transcript. Null: it came back by itself meanwhile. */
async function removeFromArchiveAlone(context: Context, before: Head, planned: Change): Promise<Head | null> {
  const applied = applyChange(before, planned, { count: 0, bytes: 0 }, context.settings.clock());
  if (applied.outcome !== "done") throw new ConflictError("The conversation is changing; try again in a moment");
  const created = await context.stores.hot.create({ head: applied.head, messages: [] }, { events: planned.events ?? [] });
  if (created.outcome !== "done") return null;
  tell(context, before.id, planned);
  return applied.head;
}

async function archivedMessages({ stores }: Context, id: string): Promise<number> {
  const head = (await stores.archive?.read(id, 0))?.head;
  return head && !head.wiped && head.status !== "deleted" ? head.lastSeq : 0;
}

function overwrittenBy({ stores }: Context, now: number): string | null {
  const times = [stores.hot.capabilities.overwrittenWithinMs, stores.archive ? stores.archive.capabilities.overwrittenWithinMs : 0];
  return times.includes(null) ? null : isoTime(now + Math.max(...times.map(Number)));
}

async function keepReceipt({ stores }: Context, receipt: Receipt): Promise<Receipt> {
  if (!stores.records) return receipt;
  const kept = await stores.records.put("receipt", `${receipt.action}:${receipt.id}`, receipt as unknown as Json, { ifVersion: 0 });
  return kept.value as unknown as Receipt;
}

/** The first receipt; if a crash came between removing and keeping it, one that says what is known. */
async function storedReceipt(context: Context, head: Head, verb: Removal, archived: number): Promise<Receipt> {
  const action = verb === "wipe" ? "wiped" : "erased";
  const kept = await context.stores.records?.get("receipt", `${action}:${head.id}`);
  if (kept) return kept.value as unknown as Receipt;
  const at = head.archivedAt ?? head.lastActivity;
  const backups = context.settings.backupRetentionMs;
  return keepReceipt(context, {
    id: head.id,
    action,
    at: isoTime(at),
    removed: { hot: head.lastSeq, archive: archived },
    overwrittenBy: overwrittenBy(context, context.settings.clock()),
    backupsExpireAt: backups === null ? null : isoTime(at + backups),
  });
}

/** `eraseSubject` of the interface. `passOn` brings the directory up to date first. */
export async function eraseSubject(
  context: Context,
  subject: { key: string; value: string; dryRun?: boolean },
  passOn: () => Promise<unknown>,
): Promise<SubjectErasure[]> {
  const { stores, settings } = context;
  const { directory } = stores;
  if (!directory) throw new NotSupportedError("This store cannot find conversations by person");
  if (!settings.subjectKeys.includes(subject.key)) {
    throw new InvalidInputError(`key must be one of ${settings.subjectKeys.join(", ")} (SUBJECT_KEYS)`);
  }
  if (typeof subject.value !== "string" || subject.value.trim() === "")
    throw new InvalidInputError("value must be a text that is not empty");
  await passOn();
  const hash = await settings.subjects.hash(subject.key, subject.value);
  const done: SubjectErasure[] = [];
  for (let after: string | null = null; ;) {
    const ids: string[] = await directory.bySubject(hash, after, PAGE);
    for (const id of ids) done.push(await eraseOne(context, id, subject.dryRun === true));
    if (ids.length < PAGE) return done;
    after = ids.at(-1)!;
  }
}

async function eraseOne(context: Context, id: string, dryRun: boolean): Promise<SubjectErasure> {
  const head = (await readWhole(context, id, 0))?.whole.head;
  const messages = head && !head.wiped && head.status !== "deleted" ? head.lastSeq : 0;
  if (dryRun) return { id, messages, ...(head?.hold ? { error: onHold().message } : {}) };
  try {
    return { id, messages, receipt: await eraseConversation(context, id, { reason: "subject" }) };
  } catch (error) {
    // One that is on hold does not keep the others.
    if (error instanceof ConversationError && error.status < 500) return { id, messages, error: error.message };
    throw error;
  }
}
