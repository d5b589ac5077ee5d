import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { contents, drained, seqs } from "../../src/conformance/expectations.ts";
import { DAY, makeMessage, makeWhole, texts } from "../../src/conformance/make-conversation.ts";
import { StoredDataError, StoreUnavailableError } from "../../src/core/errors.ts";
import { openedAt, temporaryPath, withDatabase } from "./temporary-database.ts";

/** The threads that are started from now on. */
function watchedWorkers(): Worker[] {
  const workers: Worker[] = [];
  const started = (message: unknown): number => workers.push((message as { worker: Worker }).worker);
  subscribe("worker_threads", started);
  onTestFinished(() => {
    unsubscribe("worker_threads", started);
  });
  return workers;
}

it("of commits that share a transaction one that fails is undone alone", async () => {
  const { hot } = await openedAt(temporaryPath());
  const whole = makeWhole(Date.now());
  const { id } = whole.head;
  await hot.create(whole);
  await drained(hot);
  const event = { type: "tried", at: Date.now(), details: {} };
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, i) => {
      const bad = i % 10 === 5;
      // A time that is no whole number does not fit its column: this fails when the head has been written already.
      const append = [makeMessage(`said ${i}`), ...(bad ? [{ ...makeMessage("x"), size: 0.5 }] : [])];
      return hot.commit(id, { now: Date.now(), append, session: { by: i }, events: bad ? [event] : [] });
    }),
  );
  expect(results.flatMap(({ status }, i) => (status === "rejected" ? [i] : []))).toEqual([5, 15, 25]);
  const { head, messages } = (await hot.read(id, Infinity))!;
  expect(contents(messages)).toEqual(Array.from({ length: 30 }, (_, i) => `said ${i}`).filter((_, i) => i % 10 !== 5));
  expect(seqs(messages)).toEqual(Array.from({ length: 27 }, (_, i) => i + 1));
  expect(head).toMatchObject({ version: 28, lastSeq: 27, session: { by: 29 } });
  expect((await drained(hot)).filter((item) => item.event !== null)).toEqual([]);
});

it("what is no data is refused alone", async () => {
  const { records, hot } = await openedAt(temporaryPath());
  const whole = makeWhole(Date.now());
  const wrong = { key: "k", fingerprint: "f", until: (() => 1) as unknown as number };
  const results = await Promise.allSettled([records.put("a", "b", 1), hot.create(whole, { once: wrong }), records.put("a", "c", 2)]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await hot.read(whole.head.id, 1)).toBeNull();
});

it("when the write worker dies, what it was given is unavailable, and the next write is done by a new one", async () => {
  const workers = watchedWorkers();
  const { hot } = await openedAt(temporaryPath());
  const whole = makeWhole(Date.now());
  const { id } = whole.head;
  await hot.create(whole);
  const append = () => hot.commit(id, { now: Date.now(), append: [makeMessage("said")] });
  const under = Promise.allSettled(Array.from({ length: 40 }, append));
  await workers[0]!.terminate();
  const results = await under;
  const stored = (await hot.read(id, 0))!.head.lastSeq;
  expect(results.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(stored);
  const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  expect(reasons.filter((reason) => !(reason instanceof StoreUnavailableError))).toEqual([]);
  expect((await append()).outcome).toBe("done");
  expect((await hot.read(id, 0))!.head.lastSeq).toBe(stored + 1);
  expect(workers).toHaveLength(2);
});

it("when the read worker dies, the next long read is done by a new one", async () => {
  const workers = watchedWorkers();
  const { hot, directory } = await openedAt(temporaryPath());
  await hot.create(makeWhole(Date.now()));
  expect(await directory.live()).toBe(1);
  await Promise.all([workers.at(-1)!.terminate(), once(workers.at(-1)!, "exit")]);
  expect(await directory.live()).toBe(1);
  expect(workers).toHaveLength(3);
});

it("more writes than may wait are refused at once, and those that wait are done", async () => {
  const { hot, status } = await openedAt(temporaryPath(), { maxPendingWrites: 20 });
  const whole = makeWhole(Date.now());
  await hot.create(whole);
  const results = Array.from({ length: 50 }, () => hot.commit(whole.head.id, { now: Date.now(), append: [makeMessage("said")] }));
  expect(status().pendingWrites).toBe(20);
  const settled = await Promise.allSettled(results);
  expect(settled.map((result) => result.status)).toEqual([...Array<string>(20).fill("fulfilled"), ...Array<string>(30).fill("rejected")]);
  for (const result of settled.slice(20)) expect((result as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailableError);
  expect((await hot.read(whole.head.id, 0))!.head.lastSeq).toBe(20);
  expect(status()).toMatchObject({ pendingWrites: 0, pendingReads: 0, oldestWriteMs: 0 });
});

it("a record that is damaged concerns its own conversation alone", async () => {
  const path = temporaryPath();
  const { hot, archive, directory } = await openedAt(path);
  const now = Date.now();
  const bad = makeWhole(now - DAY, texts(3), { expiresAt: now - 1 });
  const good = makeWhole(now - DAY, texts(3), { expiresAt: now - 1 });
  for (const whole of [bad, good]) {
    await hot.create(whole, { events: [{ type: "created", at: now, details: {} }] });
    await archive.put(whole);
  }
  withDatabase(path, (db) => {
    for (const table of ["live", "archive", "entries"])
      db.prepare(`UPDATE ${table} SET metadata = '{"broken' WHERE id = ?`).run(bad.head.id);
    db.prepare("UPDATE outbox SET details = 'nonsense' WHERE id = ?").run(bad.head.id);
  });
  for (const store of [hot, archive]) {
    await expect(store.read(bad.head.id, 1)).rejects.toThrow(StoredDataError);
    await expect(store.read(bad.head.id, 1)).rejects.toThrow(bad.head.id);
    expect(await store.read(good.head.id, Infinity)).toEqual(good);
  }
  await expect(hot.heads([bad.head.id])).rejects.toThrow(StoredDataError);
  await expect(hot.commit(bad.head.id, { now, append: [makeMessage("more")] })).rejects.toThrow(StoredDataError);
  expect(await hot.messages(bad.head.id, { limit: 9, order: "asc" })).toEqual(bad.messages);
  expect(await hot.heads([bad.head.id, good.head.id])).toEqual([null, good.head]);
  expect((await hot.take("expire", now, 10, 1000)).map(({ id }) => id)).toEqual([good.head.id]);
  expect((await directory.list({ limit: 10 })).heads.map(({ id }) => id).toSorted()).toEqual([bad.head.id, good.head.id].toSorted());
  expect(await drained(hot)).toHaveLength(4);
  expect(await archive.erase(bad.head.id, { at: now, by: "test" })).toEqual({ removed: 3 });
  expect((await hot.commit(bad.head.id, { now, wipe: true, step: { from: ["active"], to: "deleted" } })).outcome).toBe("done");
  expect((await hot.read(bad.head.id, 9))!.messages).toEqual([]);
});

it("a transcript that is damaged in the archive is said to be so", async () => {
  const path = temporaryPath();
  const { archive } = await openedAt(path);
  const whole = makeWhole(Date.now(), texts(3));
  await archive.put(whole);
  for (const change of ["entries = '[1,2'", "entries = '[]'", "bodies = substr(bodies, 2)"]) {
    withDatabase(path, (db) => db.exec(`UPDATE transcripts SET ${change}`));
    await expect(archive.read(whole.head.id, 3)).rejects.toThrow(StoredDataError);
    await archive.put(whole, { replace: true });
    expect(await archive.read(whole.head.id, 3)).toEqual(whole);
  }
});

it("long transcripts are read from both stores as they are, whole, in windows and in pages", async () => {
  const { hot, archive } = await openedAt(temporaryPath());
  const count = 12_000;
  const whole = makeWhole(
    Date.now() - DAY,
    Array.from({ length: count }, (_, i) => makeMessage(`said ${i + 1}: ${"à✓ ".repeat(i % 50)}`)),
  );
  const { id } = whole.head;
  await hot.create(whole);
  await archive.put(whole);
  for (const store of [hot, archive]) {
    expect(await store.read(id, Infinity)).toEqual(whole);
    for (const window of [1, 20, 200, 201, 5000]) expect((await store.read(id, window))!.messages).toEqual(whole.messages.slice(-window));
    expect(await store.messages(id, { after: 5000, limit: 300, order: "asc" })).toEqual(whole.messages.slice(5000, 5300));
    expect(await store.messages(id, { before: 5000, limit: 1000, order: "desc" })).toEqual(whole.messages.slice(3999, 4999).toReversed());
    expect(await store.messages(id, { after: 11_990, limit: 20, order: "asc" })).toEqual(whole.messages.slice(11_990));
  }
});

it("what is due is found however early the index is, oldest first, and never late", async () => {
  const now = Date.now();
  const { hot } = await openedAt(temporaryPath());
  const wholes = Array.from({ length: 700 }, () => makeWhole(now - DAY, [], { expiresAt: now - 1000 }));
  await Promise.all(wholes.map((whole) => hot.create(whole)));
  // Their expiry moves, in another order than that of their creation; the index is left where it was.
  const expiries = new Map(wholes.map(({ head }, i) => [head.id, now + ((i * 7919) % 1000)]));
  await Promise.all(wholes.map(({ head }) => hot.commit(head.id, { now, touch: { expiresAt: expiries.get(head.id)! } })));
  expect(await hot.take("expire", now - 1, 100, 60_000)).toEqual([]);
  const due = [...expiries].filter(([, at]) => at <= now + 300).toSorted((a, b) => a[1] - b[1]);
  const taken = await hot.take("expire", now + 300, 1000, 60_000);
  expect(taken.map(({ expiresAt }) => expiresAt)).toEqual(due.map(([, at]) => at));
  expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(due.map(([id]) => id)));
  expect(await hot.take("expire", now + 300, 1000, 60_000)).toEqual([]);
  expect(await hot.take("warn", now + 2000, 1000, 60_000)).toHaveLength(700);
});

it("where another engine keeps the directory, commits keep no entries here", async () => {
  const { hot, directory } = await openedAt(temporaryPath(), { directory: false });
  const whole = makeWhole(Date.now(), ["hello"]);
  await hot.create(whole);
  await hot.commit(whole.head.id, { now: Date.now(), step: { from: ["active"], to: "completed" } });
  expect((await directory.list({ limit: 10 })).heads).toEqual([]);
  expect(await drained(hot)).toHaveLength(1);
});
