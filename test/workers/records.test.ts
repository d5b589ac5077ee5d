// Records in objects, in workerd.

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  durableObjectRecords,
  durableObjectStores,
  type AnyObjectLike,
  type DurableObjectNamespaceLike,
} from "../../src/adapters/durable-objects/durable-object-stores.ts";
import { recordsCases } from "../../src/conformance/index.ts";
import { StoreUnavailableError, TooLargeError } from "../../src/core/errors.ts";
import { runConformance } from "./run-conformance.ts";

type Namespace = DurableObjectNamespaceLike<AnyObjectLike>;

const bound = env["CONVERSATIONS"] as Namespace;
const HOUR = 3_600_000;
/** Years ahead of the platform's own time, so that no alarm goes off by itself. */
const START = Date.parse("2099-01-25T14:30:52.000Z");

/** Objects that nobody else asks. Notes the names that are asked. */
function ownObjects() {
  const own = crypto.randomUUID();
  const names: string[] = [];
  const objectOf = (name: string): AnyObjectLike => bound.getByName(`${own}:${name}`);
  const namespace: Namespace = {
    getByName(name) {
      names.push(name);
      return objectOf(name);
    },
  };
  return { namespace, names, objectOf };
}

runConformance("records in objects", {
  open() {
    const { namespace } = ownObjects();
    return durableObjectStores({ namespace, records: durableObjectRecords({ namespace }) });
  },
  cases: recordsCases,
});

describe("records in objects", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  it("lie under names that no conversation can have: claims in several, everything else in one", async () => {
    const { namespace, names } = ownObjects();
    const records = durableObjectRecords({ namespace });
    for (let i = 0; i < 200; i++) await records.put("claim", `key ${i}`, i);
    for (const kind of ["key", "receipt", "job"]) await records.put(kind, "a", 1);
    const used = new Set(names);
    expect(used.size).toBe(17);
    expect(used).toContain("service:records");
    for (const name of used) expect(name).toMatch(/^service:(records|claims:\d+)$/);
    const listed = await records.list("claim", "key 150", 30);
    expect(listed.map(({ key }) => key)).toEqual(
      Array.from({ length: 200 }, (_, i) => `key ${i}`)
        .toSorted()
        .filter((key) => key > "key 150")
        .slice(0, 30),
    );
  });

  it("are listed by code points, be they spread or not", async () => {
    const records = durableObjectRecords(ownObjects());
    const keys = ["z", "\u{1f600}", "\uffee", "é"];
    for (const kind of ["claim", "key"]) {
      for (const key of keys) await records.put(kind, key, key);
      expect((await records.list(kind, null, 10)).map(({ key }) => key)).toEqual(["z", "é", "\uffee", "\u{1f600}"]);
      expect((await records.list(kind, "\uffee", 10)).map(({ key }) => key)).toEqual(["\u{1f600}"]);
    }
  });

  it("asking for what is not there makes no table", async () => {
    const { namespace, objectOf } = ownObjects();
    const records = durableObjectRecords({ namespace });
    await records.get("key", "a");
    await records.list("key", null, 10);
    await records.remove("key", "a");
    await records.forget(START, 10);
    const tables = await runInDurableObject(objectOf("service:records"), (_, { storage }) => [
      ...storage.sql.exec("SELECT name FROM sqlite_schema WHERE name LIKE 'records%'").raw(),
    ]);
    expect(tables).toEqual([]);
  });

  it("outlive the object's memory", async () => {
    const { namespace, objectOf } = ownObjects();
    const records = durableObjectRecords({ namespace });
    await records.put("key", "a", { hash: "h" });
    await evictDurableObject(objectOf("service:records"));
    expect(await records.get("key", "a")).toEqual({ value: { hash: "h" }, version: 1 });
    expect(await records.put("key", "a", 2, { ifVersion: 1 })).toEqual({ won: true, value: 2, version: 2 });
  });

  it("what has ended goes by alarm, which then waits for the next; what has no end needs none", async () => {
    const { namespace, objectOf } = ownObjects();
    const records = durableObjectRecords({ namespace });
    const object = objectOf("service:records");
    const look = () =>
      runInDurableObject(object, async (_, { storage }) => ({
        rows: [...storage.sql.exec("SELECT key FROM records ORDER BY key").raw()].flat(),
        alarm: await storage.getAlarm(),
      }));
    await records.put("job", "endless", 0);
    expect((await look()).alarm).toBeNull();
    await records.put("job", "long", 0, { until: START + 5 * HOUR });
    await records.put("job", "short", 0, { until: START + HOUR });
    const { alarm } = await look();
    expect(alarm).toBeGreaterThanOrEqual(START + HOUR);
    vi.setSystemTime(alarm!);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const after = await look();
    expect(after.rows).toEqual(["endless", "long"]);
    vi.setSystemTime(after.alarm!);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await look()).toEqual({ rows: ["endless"], alarm: null });
  });

  it("a list that is too long for one call comes in several", async () => {
    const { namespace, names } = ownObjects();
    const records = durableObjectRecords({ namespace });
    const long = "è".repeat(990_000);
    for (let i = 0; i < 12; i++) await records.put("job", `${10 + i}`, long);
    names.length = 0;
    const listed = await records.list("job", null, 11);
    expect(listed.map(({ key }) => key)).toEqual(Array.from({ length: 11 }, (_, i) => `${10 + i}`));
    expect(listed.every(({ value }) => value === long)).toBe(true);
    expect(names).toHaveLength(2);
  });

  it("what is larger than a row is refused", async () => {
    const records = durableObjectRecords(ownObjects());
    const error: unknown = await records.put("job", "a", "x".repeat(2_000_000)).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(TooLargeError);
    expect(await records.get("job", "a")).toBeNull();
  });
});

describe("an answer that is lost on the way", () => {
  const lost = Object.assign(new Error("Network connection lost."), { retryable: true });

  /** Loses the answers to the first writes; `meanwhile` happens before the next try. */
  function losing(answers: number, meanwhile: (object: AnyObjectLike) => Promise<unknown> = async () => {}) {
    const { namespace } = ownObjects();
    let left = answers;
    return durableObjectRecords({
      namespace: {
        getByName(name) {
          const object = namespace.getByName(name);
          const putRecord: AnyObjectLike["putRecord"] = async (...given) => {
            const reply = await object.putRecord(...given);
            if (left-- <= 0) return reply;
            await meanwhile(object);
            throw lost;
          };
          const getRecord: AnyObjectLike["getRecord"] = (...given) => object.getRecord(...given);
          return { putRecord, getRecord } as AnyObjectLike;
        },
      },
      sleep: async () => {},
    });
  }

  it("a claim whose first try was stored is still won", async () => {
    const records = losing(2);
    expect(await records.put("claim", "a", { id: "x" }, { ifVersion: 0 })).toEqual({ won: true, value: { id: "x" }, version: 1 });
    expect(await records.put("claim", "a", { id: "y" }, { ifVersion: 0 })).toEqual({ won: false, value: { id: "x" }, version: 1 });
  });

  it("a write is stored once", async () => {
    const records = losing(1);
    expect(await records.put("job", "a", 1)).toEqual({ won: true, value: 1, version: 1 });
  });

  it("a claim of the same value by somebody else is not taken for one's own", async () => {
    const records = losing(0);
    await records.put("claim", "a", "same", { ifVersion: 0 });
    expect(await records.put("claim", "a", "same", { ifVersion: 0 })).toMatchObject({ won: false });
  });

  it("what was written over before the second try is not known, and said so", async () => {
    const records = losing(1, (object) => object.putRecord("job", "a", '"theirs"', { writer: "they" }));
    const error: unknown = await records.put("job", "a", "mine", { ifVersion: 0 }).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(await records.get("job", "a")).toEqual({ value: "theirs", version: 2 });
  });
});
