// `getOrCreate`: which session an ID stands for, and what a new one looks like.

import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { HOUR, START } from "../manager/worlds.ts";
import { copyOf, sessionsOnEveryStore, user } from "./session-world.ts";

const VALID_ID = "ITERA_20240229_120000_A7B9X2M8P4Q1_D";
const EMPTY = { messages: [], context: {}, step: "greeting", leadData: {} };

sessionsOnEveryStore("loading a session", (open) => {
  it("no ID is a new conversation of the chatbot's widget", async () => {
    const { open: store, read } = await open();
    for (const nothing of [undefined, null, ""]) {
      const session = await store().getOrCreate(nothing);
      expect(session).toEqual({ id: expect.stringMatching(/^ITERA_/), created: START, ...EMPTY });
      expect((await read(session.id)).metadata).toEqual({ source: "chatbot_widget" });
    }
  });

  it("a known ID is its transcript and its state, and nothing new", async () => {
    const sessions = await open();
    const store = sessions.open();
    const begun = await store.getOrCreate();
    Object.assign(begun, { messages: [user("ciao")], context: { page: "/" }, step: "contact", leadData: { email: "a@b.it" } });
    await store.save(begun);
    sessions.clock.pass(HOUR);
    expect(await sessions.open().getOrCreate(begun.id)).toEqual({ ...copyOf(begun), created: START });
    expect(sessions.told.filter((type) => type === "created")).toHaveLength(1);
  });

  it("loading counts as access, and changes nothing else", async () => {
    const { open: store, read, clock } = await open();
    const { id } = await store().getOrCreate();
    const before = await read(id);
    clock.pass(HOUR);
    await store().getOrCreate(id);
    const after = await read(id);
    expect(after.lastAccess).toBe(clock.iso());
    expect(after.version).toBe(before.version);
    expect(after.lastActivity).toBe(before.lastActivity);
  });

  it("an unknown ID is a new conversation that says which one was asked for", async () => {
    const { open: store, read, unknownId } = await open();
    for (const unknown of [unknownId, "fallback_1700000000000_abcdefghi", "sess-42"]) {
      const session = await store().getOrCreate(unknown);
      expect(session).toEqual({ id: expect.stringMatching(/^ITERA_/), created: START, ...EMPTY });
      expect((await read(session.id)).metadata).toEqual({ source: "chatbot_widget_recovery", originalSessionId: unknown });
    }
  });

  const MALFORMED: [name: string, given: unknown, original: unknown][] = [
    ["a number", 42, "42"],
    ["zero", 0, "0"],
    ["false", false, "false"],
    ["an object", { id: 1 }, "[object Object]"],
    ["a list", ["a", "b"], "a,b"],
    ["an object that has no text", { toString: () => ({}) as string }, "object"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["10 kB", "x".repeat(10_240), "x".repeat(128)],
    ["NUL", "a\0b", "ab"],
    ["a lone surrogate", "a\ud800b", "a\ufffdb"],
    ["a surrogate pair at the cut", `${"x".repeat(127)}😊`, `${"x".repeat(127)}\ufffd`],
    ["a colon", "conv:x", "conv:x"],
    ["the text undefined", "undefined", "undefined"],
    ["the name of an inherited property", "__proto__", "__proto__"],
    ["an ID with something behind it", `${VALID_ID}\n`, `${VALID_ID}\n`],
  ];
  it("a malformed ID is as an unknown one, and no key that a caller makes up is looked for", async () => {
    const { open: store, read, bare } = await open();
    const asked: string[] = [];
    bare.fault = (_, key) => (asked.push(key), null);
    const strict = store({ legacySessionPattern: /^sess/ });
    for (const [name, given, original] of MALFORMED) {
      const session = await strict.getOrCreate(given as string);
      expect(session, name).toMatchObject(EMPTY);
      expect((await read(session.id)).metadata, name).toEqual({ source: "chatbot_widget_recovery", originalSessionId: original });
    }
    expect(asked).toEqual([]);
  });

  it("an ID that could be anybody's is nobody's: two strangers do not share a conversation, whatever was saved under it", async () => {
    const sessions = await open();
    const { unknownId } = sessions;
    const store = sessions.open();
    for (const id of ["undefined", "null", "[object Object]", unknownId]) {
      const [a, b] = await Promise.all([store.getOrCreate(id), store.getOrCreate(id)]);
      a.messages.push(user("mine"));
      await store.save(a);
      const c = await store.getOrCreate(id);
      expect(new Set([a.id, b.id, c.id]).size).toBe(3);
      expect([...b.messages, ...c.messages]).toEqual([]);
    }
    for (const id of ["undefined", "null"]) {
      const mine = { id, created: 0, ...EMPTY, messages: [user("mine")] };
      const theirs = { id, created: 0, ...EMPTY, messages: [user("theirs")] };
      await store.save(mine);
      await store.save(theirs);
      expect(await sessions.said(mine.id)).toEqual(["mine"]);
      expect(await sessions.said(theirs.id)).toEqual(["theirs"]);
    }
    expect(sessions.bare.keys()).toEqual([]);
  });

  it("an erased or wiped conversation is as an unknown one", async () => {
    const { open: store, read, manager } = await open();
    for (const remove of [
      (id: string) => manager.eraseConversation(id),
      (id: string) => manager.archiveConversation(id, "privacy", { preserveData: false }),
    ]) {
      const gone = await store().getOrCreate();
      gone.messages.push(user("secret"));
      await store().save(gone);
      await remove(gone.id);
      const session = await store().getOrCreate(gone.id);
      expect(session).toMatchObject(EMPTY);
      expect(session.id).not.toBe(gone.id);
      expect((await read(session.id)).metadata).toEqual({ source: "chatbot_widget_recovery", originalSessionId: gone.id });
    }
  });

  it("a wiped conversation without messages is not resumed either", async () => {
    const { open: store, manager } = await open();
    const { id } = await store().getOrCreate();
    await manager.archiveConversation(id, "privacy", { preserveData: false });
    expect((await store().getOrCreate(id)).id).not.toBe(id);
  });

  it("completed, archived and expired ones resume, whatever their age, from hot store and archive alike", async () => {
    const { open: store, manager, said, moveToArchive, pass } = await open();
    const ends: ((id: string) => Promise<unknown>)[] = [
      (id) => manager.completeConversation(id),
      (id) => manager.archiveConversation(id),
      (id) => moveToArchive(id),
      () => pass(400 * 24 * HOUR),
    ];
    for (const end of ends) {
      const session = await store().getOrCreate();
      session.messages.push(user("before"));
      await store().save(session);
      await end(session.id);
      const again = await store().getOrCreate(session.id);
      expect(again.id).toBe(session.id);
      again.messages.push(user("after"));
      await store().save(again);
      expect(await said(session.id)).toEqual(["before", "after"]);
    }
  });

  it("sources can be named otherwise", async () => {
    const { open: store, read } = await open();
    const named = store({ source: "bot", recoverySource: "bot_again" });
    expect((await read((await named.getOrCreate()).id)).metadata["source"]).toBe("bot");
    expect((await read((await named.getOrCreate("x")).id)).metadata["source"]).toBe("bot_again");
  });

  describe("while the store cannot be reached", () => {
    it("there is a fallback session, which carries the ID that was given", async () => {
      const sessions = await open();
      const { unknownId } = sessions;
      sessions.down();
      const store = sessions.open();
      const id = expect.stringMatching(new RegExp(`^fallback_${START}_[a-z0-9]{9}$`)) as string;
      expect(await store.getOrCreate()).toEqual({ id, created: START, ...EMPTY });
      for (const given of [unknownId, "undefined", "x".repeat(200)]) {
        expect(await store.getOrCreate(given)).toEqual({ id, created: START, ...EMPTY, originalSessionId: given.slice(0, 128) });
      }
      expect(sessions.survived).toHaveLength(4);
      expect(sessions.survived[0]).toMatch(/^load session: /);
    });

    it("every fallback session has an ID of its own", async () => {
      const sessions = await open();
      sessions.down();
      const store = sessions.open();
      const ids = await Promise.all(Array.from({ length: 50 }, async () => (await store.getOrCreate()).id));
      expect(new Set(ids).size).toBe(50);
    });

    it("whatever fails, a store that throws nonsense or a listener that throws, nobody is turned away", async () => {
      const sessions = await open();
      sessions.fault = () => {
        throw new TypeError("undefined is not a function");
      };
      const store = sessions.open({
        onError: () => {
          throw new Error("the listener fails too");
        },
      });
      sessions.bare.fault = () => new Error("bare store away");
      const session = await store.getOrCreate("fallback_1700000000000_abcdefghi");
      expect(session.id).toMatch(/^fallback_/);
      session.messages.push(user("ciao"));
      await store.save(session);
    });

    it("a place for bare sessions that cannot be read keeps nobody from a conversation that can", async () => {
      const sessions = await open();
      const store = sessions.open();
      const { id } = await store.getOrCreate();
      sessions.bare.fault = () => new StoreUnavailableError("bare store away");
      expect((await store.getOrCreate(id)).id).toBe(id);
      expect(sessions.survived).toEqual(["look for a bare session: bare store away"]);
    });
  });

  describe("older records", () => {
    it("without metadata.context, the context is every key of metadata that is nothing else", async () => {
      const { open: store, manager } = await open();
      const metadata: JsonObject = {
        source: "chatbot_widget",
        created: 1,
        lastActivity: 2,
        originalSessionId: "old",
        userAgent: "Mozilla",
        clientIP: "192.0.2.1",
        step: "contact",
        leadData: { name: "Lucia" },
        page: "/prezzi",
        visits: 3,
      };
      const { id } = await manager.createConversation({ metadata, messages: [user("ciao")] });
      const session = await store().getOrCreate(id);
      expect(session).toMatchObject({ step: "contact", leadData: { name: "Lucia" } });
      expect(session.context).toEqual({ page: "/prezzi", visits: 3 });
      await store().save(session);
      expect((await store().getOrCreate(id)).context).toEqual({ page: "/prezzi", visits: 3 });
    });

    it("a context that is there, even an empty one, is the context", async () => {
      const { open: store, manager } = await open();
      const { id } = await manager.createConversation({ metadata: { page: "/", context: {} } });
      expect((await store().getOrCreate(id)).context).toEqual({});
    });

    it("what is no object counts as empty, and no step as the greeting", async () => {
      const { open: store, manager } = await open();
      const { id } = await manager.createConversation({ metadata: { context: "x", leadData: [1], step: null } });
      expect(await store().getOrCreate(id)).toMatchObject(EMPTY);
    });
  });

  describe("with resumeHours", () => {
    it("a session idle for longer starts a new conversation that keeps leadData and points to the old one", async () => {
      const { open: store, read, clock } = await open();
      const timed = store({ resumeHours: 2 });
      const old = await timed.getOrCreate();
      Object.assign(old, { messages: [user("ciao")], context: { page: "/" }, step: "contact", leadData: { email: "a@b.it" } });
      await timed.save(old);
      clock.pass(2 * HOUR);
      expect((await timed.getOrCreate(old.id)).id).toBe(old.id);
      clock.pass(1);
      const fresh = await timed.getOrCreate(old.id);
      expect(fresh).toEqual({
        id: expect.not.stringMatching(old.id),
        created: START + 2 * HOUR + 1,
        ...EMPTY,
        leadData: { email: "a@b.it" },
      });
      expect((await read(fresh.id)).metadata).toEqual({
        source: "chatbot_widget",
        originalSessionId: old.id,
        leadData: { email: "a@b.it" },
      });
    });

    it("whoever comes back to the old ID arrives at the same new conversation, as it is by now", async () => {
      const { open: store, clock } = await open();
      const timed = store({ resumeHours: 1 });
      const { id } = await timed.getOrCreate();
      clock.pass(2 * HOUR);
      const [a, b] = await Promise.all([timed.getOrCreate(id), store({ resumeHours: 1 }).getOrCreate(id)]);
      expect(a.id).toBe(b.id);
      Object.assign(a, { messages: [user("ciao")], leadData: { phone: "1" } });
      await timed.save(a);
      expect(await timed.getOrCreate(id)).toEqual(copyOf(a));
    });

    it("if the new one is idle too, the next one goes on from it", async () => {
      const { open: store, read, clock } = await open();
      const timed = store({ resumeHours: 1 });
      const { id } = await timed.getOrCreate();
      clock.pass(2 * HOUR);
      const second = await timed.getOrCreate(id);
      second.leadData = { phone: "1" };
      await timed.save(second);
      clock.pass(2 * HOUR);
      const third = await timed.getOrCreate(id);
      expect((await read(third.id)).metadata).toMatchObject({ originalSessionId: second.id, leadData: { phone: "1" } });
    });

    it("if the new one was erased, there is another one", async () => {
      const { open: store, manager, clock } = await open();
      const timed = store({ resumeHours: 1 });
      const { id } = await timed.getOrCreate();
      clock.pass(2 * HOUR);
      const second = await timed.getOrCreate(id);
      await manager.eraseConversation(second.id);
      const third = await timed.getOrCreate(id);
      expect(third.id).toMatch(/^ITERA_/);
      expect([id, second.id]).not.toContain(third.id);
    });

    it("by default every session resumes", async () => {
      const { open: store, clock } = await open();
      const { id } = await store().getOrCreate();
      clock.pass(5000 * HOUR);
      expect((await store().getOrCreate(id)).id).toBe(id);
    });
  });
});
