// Commands that keep the service going: sweeping, passing on, purging, and erasing a person.

import type { PurgeReport, SubjectErasure, SweepResult } from "../../src/core/conversations.ts";
import type { ServiceCommand } from "./command.ts";
import { difference } from "./difference.ts";
import { copy, iso, receiptOf, subject, type ModelConversation } from "./model-conversation.ts";
import { due, swept, sweptAtFault, type Swept } from "./model-sweep.ts";
import { remove } from "./model-verbs.ts";
import { answerDifference, isUnavailable, stateDifference, type Outcome, type Session } from "./session.ts";

type Of<Name extends ServiceCommand["do"]> = ServiceCommand & { do: Name };

export async function doSweep(session: Session, { dryRun, fault }: Of<"sweep">): Promise<void> {
  const { world } = session;
  const all = [...world.conversations.values()];
  const { outcome, fired } = await session.attempt(() => session.manager.sweep({ dryRun }), fault);
  if (dryRun) {
    if (!isUnavailable(outcome))
      checkCounts(
        session,
        all.map((c) => due(c, world.moment)),
        outcome,
      );
    return checkAll(session);
  }
  const chosen: Swept[] = [];
  for (const c of all) {
    const seen = await session.peek(c.id);
    const ways = fired ? [...sweptAtFault(c, world.moment)] : swept(c, world.moment);
    const way = ways.find(({ state }) => stateDifference(state, world.now, seen) === null);
    if (!way) session.fail(`${c.id} after a sweep: ${ways.map(({ state }) => stateDifference(state, world.now, seen)).join("\n  or ")}`);
    world.conversations.set(c.id, way.state);
    chosen.push(way);
  }
  world.delivered(!fired);
  if (fired) {
    if ("value" in outcome || isUnavailable(outcome)) return;
    session.fail(`a sweep answered the error ${outcome.error}`);
  }
  checkCounts(session, chosen, outcome);
}

function checkCounts(session: Session, counts: readonly Omit<Swept, "state">[], outcome: Outcome): void {
  if ("error" in outcome) session.fail(`a sweep answered the error ${outcome.error}`);
  const sum = (of: (count: Omit<Swept, "state">) => number) => counts.reduce((total, count) => total + of(count), 0);
  const between = (least: number, most: number) => (actual: unknown) => typeof actual === "number" && actual >= least && actual <= most;
  const expected: Record<keyof SweepResult, unknown> = {
    archived: sum(({ archived }) => archived),
    warned: between(
      sum(({ warned }) => warned[0]),
      sum(({ warned }) => warned[1]),
    ),
    moved: between(
      sum(({ moved }) => moved[0]),
      sum(({ moved }) => moved[1]),
    ),
    delivered: (actual: unknown) => typeof actual === "number",
  };
  const found = difference(
    expected,
    outcome.value,
    `a sweep of ${JSON.stringify(counts.map(({ archived, warned, moved }) => ({ archived, warned, moved })))}`,
  );
  if (found) session.fail(found);
}

async function checkAll(session: Session): Promise<void> {
  for (const c of session.world.conversations.values()) await session.check(c);
}

export async function doDeliver(session: Session, { limit, fault }: Of<"deliver">): Promise<void> {
  const { outcome, fired } = await session.attempt(() => session.manager.deliver(limit), fault);
  if ("error" in outcome) {
    if (!fired || !isUnavailable(outcome)) session.fail(`passing on answered the error ${outcome.error}`);
    return session.world.delivered(false);
  }
  const count = outcome.value as number;
  if (limit !== undefined && count > limit) session.fail(`passed on ${count} items, though ${limit} were asked for`);
  session.world.delivered(!fired && count < (limit ?? Infinity));
  if (fired || limit !== undefined || !session.world.isSure) return;
  const again = await session.manager.deliver();
  if (again !== 0) session.fail(`passing on a second time found ${again} items`);
}

/** Purges as the specification says: archived and completed, past retention, no legal hold. */
export async function doPurge(session: Session, { dryRun, fault }: Of<"purge">): Promise<void> {
  const { outcome, fired } = await session.attempt(() => session.manager.purge({ dryRun }), fault);
  await judgePurge(session, outcome, fired, dryRun);
}

export async function doCleanup(session: Session, { fault }: Of<"cleanup">): Promise<void> {
  const { outcome, fired } = await session.attempt(() => session.manager.cleanup(), fault);
  await judgePurge(session, "error" in outcome ? outcome : { value: (outcome.value as { purge: PurgeReport }).purge }, fired, false);
  session.world.forgetEvents(!fired);
}

async function judgePurge(session: Session, outcome: Outcome, fired: boolean, dryRun: boolean): Promise<void> {
  const { world } = session;
  if (isUnavailable(outcome) && !fired) session.fail("purging answered the error store_unavailable");
  // What is purged has been passed on before.
  if (!dryRun) world.delivered(!fired);
  const past = [...world.conversations.values()].filter((c) => world.isPast(c));
  const free = past.filter(({ held }) => !held);
  if (!fired) {
    const months: { [month: string]: number } = {};
    for (const { created } of free) months[iso(created).slice(0, 7)] = (months[iso(created).slice(0, 7)] ?? 0) + 1;
    const expected = {
      dryRun,
      before: iso(world.retentionEnd()),
      rows: free.length,
      held: past.length - free.length,
      months,
    };
    const found = answerDifference({ value: expected }, outcome);
    if (found) session.fail(`purging: ${found}`);
  }
  if (!dryRun) {
    for (const c of free) {
      const seen = await session.peek(c.id);
      const isGone = "value" in seen && seen.value === null;
      if (!isGone && !fired) session.fail(`${c.id} is past retention, and was not purged`);
      if (isGone) world.purge(c);
      if (fired && isGone) world.ghosts.add(c.id);
      // It may have left the hot store already.
      if (fired && !isGone) c.place = "unsure";
    }
    if (!fired) world.ghosts.clear();
  }
  await checkAll(session);
}

/** Erases all conversations of a person, in the order of their IDs. */
export async function doEraseSubject(session: Session, { key, value, dryRun, fault }: Of<"erase-subject">): Promise<void> {
  const { world } = session;
  const { outcome, fired } = await session.attempt(() => session.manager.eraseSubject({ key, value, dryRun }), fault);
  if (key === "name") {
    const found = answerDifference({ errors: ["invalid_input"] }, outcome);
    return found ? session.fail(`erasing by name: ${found}`) : undefined;
  }
  const person = subject(key, value);
  const theirs = [...world.conversations.values()].filter((c) => c.subjects.has(person)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  world.delivered(!fired);
  if ("error" in outcome) {
    if (!fired || !isUnavailable(outcome)) session.fail(`erasing a person answered the error ${outcome.error}`);
  } else {
    const isText = (actual: unknown) => typeof actual === "string" && actual.length > 0;
    const expected = theirs.map((c) => ({
      id: c.id,
      messages: c.count,
      ...(c.held ? { error: isText } : dryRun ? {} : { receipt: receiptOf(c, "erased", world.now) }),
    }));
    const listed = (outcome.value as SubjectErasure[]).filter(({ id }) => world.conversations.has(id) || !world.ghosts.has(id));
    const found = difference(expected, listed);
    if (found) session.fail(`erasing ${person}: ${found}`);
  }
  if (dryRun) return checkAll(session);
  for (const c of theirs.filter(({ held }) => !held)) {
    const receipt = "value" in outcome ? (outcome.value as SubjectErasure[]).find(({ id }) => id === c.id)?.receipt : undefined;
    await judgeErased(session, c, receipt ?? null, fired && !("value" in outcome));
  }
  await checkAll(session);
}

async function judgeErased(session: Session, c: ModelConversation, receipt: unknown, perhaps: boolean): Promise<void> {
  const { state } = remove(c, "erased", "subject", { version: undefined, stale: false }, session.world.moment)[0]!;
  state.receipts.erased = receipt;
  if (perhaps) state.place = "unsure";
  const ways = perhaps ? [copy(c), state] : [state];
  const seen = await session.peek(c.id);
  const way = ways.find((each) => stateDifference(each, session.world.now, seen) === null);
  if (!way) session.fail(`${c.id}: ${ways.map((each) => stateDifference(each, session.world.now, seen)).join(" or ")}`);
  if (perhaps && way.place === "archive") way.place = "unsure";
  session.world.conversations.set(c.id, way);
}
