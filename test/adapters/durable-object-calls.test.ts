import { describe, expect, it } from "vitest";
import { durableObjectHotStore } from "../../src/adapters/durable-objects/hot-store.ts";
import type { ConversationObjectLike } from "../../src/adapters/durable-objects/replies.ts";
import { makeMessage, makeWhole } from "../../src/conformance/make-conversation.ts";
import { StoredDataError, StoreUnavailableError, TooLargeError } from "../../src/core/errors.ts";
import type { Change } from "../../src/core/hot-store.ts";

const NOW = Date.parse("2025-01-25T14:30:52.000Z");
const whole = makeWhole(NOW, ["one", "two"]);
const { id } = whole.head;

/** What the platform throws: an error with marks on it. */
function thrown(marks: object = {}): Error {
  return Object.assign(new Error("Network connection lost."), marks);
}

const PASSING = { retryable: true };

/** A namespace in which every call is answered by the next of these; an error is thrown. Counts the stubs. */
function namespaceOf(...answers: unknown[]) {
  const seen = { stubs: 0, calls: [] as string[], waited: [] as number[] };
  const answer = (method: string) => async () => {
    seen.calls.push(method);
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  const object = new Proxy({}, { get: (_, method) => answer(String(method)) }) as ConversationObjectLike;
  const namespace = {
    getByName: () => {
      seen.stubs++;
      return object;
    },
  };
  return { seen, hot: durableObjectHotStore({ namespace, sleep: async (ms) => void seen.waited.push(ms) }) };
}

const done = { value: { outcome: "done", head: whole.head, placed: [], window: [] } };
const append: Change = { now: NOW, append: [makeMessage("three")] };

describe("calls to objects", () => {
  it("a read that fails in passing is asked again, of a new stub, with growing pauses", async () => {
    const { hot, seen } = namespaceOf(thrown(PASSING), thrown(PASSING), { value: whole });
    expect(await hot.read(id, Infinity)).toEqual(whole);
    expect(seen.stubs).toBe(3);
    expect(seen.waited[1]).toBeGreaterThan(seen.waited[0]!);
  });

  it("what fails again and again is unavailable, with its cause", async () => {
    const causes = [1, 2, 3].map((n) => thrown({ ...PASSING, n }));
    const { hot, seen } = namespaceOf(...causes);
    const error: unknown = await hot.read(id, 0).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect((error as Error).cause).toBe(causes[2]);
    expect(seen.stubs).toBe(3);
  });

  it.each([
    ["an object that has too much to do", { ...PASSING, overloaded: true }],
    ["what the platform does not call passing", {}],
  ])("%s is not asked again", async (_, marks) => {
    const { hot, seen } = namespaceOf(thrown(marks));
    await expect(hot.read(id, 0)).rejects.toThrow(StoreUnavailableError);
    expect(seen.stubs).toBe(1);
  });

  it("an append is asked again only under an idempotency key, since the first attempt may have been stored", async () => {
    const plain = namespaceOf(thrown(PASSING), done);
    await expect(plain.hot.commit(id, append)).rejects.toThrow(StoreUnavailableError);
    expect(plain.seen.stubs).toBe(1);
    const keyed = namespaceOf(thrown(PASSING), done);
    const once = { key: "k", fingerprint: "f", until: NOW + 1 };
    expect((await keyed.hot.commit(id, { ...append, once })).outcome).toBe("done");
    const touch = namespaceOf(thrown(PASSING), done);
    expect((await touch.hot.commit(id, { now: NOW, require: { openAt: NOW }, touch: { lastAccess: NOW } })).outcome).toBe("done");
    const removal = namespaceOf(thrown(PASSING), { value: true });
    await expect(removal.hot.remove(id, 1)).rejects.toThrow(StoreUnavailableError);
  });

  it("a creation whose answer was lost finds its own, and is done", async () => {
    const conflict = { value: { outcome: "conflict", head: whole.head } };
    const lost = namespaceOf(thrown(PASSING), conflict);
    expect(await lost.hot.create(whole, { window: 1 })).toEqual({
      outcome: "done",
      head: whole.head,
      placed: [],
      window: whole.messages.slice(1),
    });
    const another = namespaceOf(thrown(PASSING), { value: { outcome: "conflict", head: { ...whole.head, incarnation: "another" } } });
    expect((await another.hot.create(whole)).outcome).toBe("conflict");
    const first = namespaceOf(conflict);
    expect((await first.hot.create(whole)).outcome).toBe("conflict");
  });

  it("what an object replies as an error is thrown as one, and not asked again", async () => {
    const error = (code: string) => namespaceOf({ error: { code, message: "the sentence" } });
    for (const [code, type] of [
      ["too_large", TooLargeError],
      ["internal", StoredDataError],
      ["store_unavailable", StoreUnavailableError],
    ] as const) {
      const { hot, seen } = error(code);
      await expect(hot.read(id, 0)).rejects.toThrow(type);
      expect(seen.stubs).toBe(1);
    }
    await expect(error("too_large").hot.read(id, 0)).rejects.toThrow("the sentence");
  });
});
