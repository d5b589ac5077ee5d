// `save`: what is new is appended and the state replaced; nothing that is stored is ever removed.

import { describe, expect, it } from "vitest";
import type { Message } from "../../src/core/conversation.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { Session } from "../../src/sessions/index.ts";
import { HOUR } from "../manager/worlds.ts";
import { copyOf, sessionsOnEveryStore, user } from "./session-world.ts";

/** A session made by hand. */
function handMade(id: string, messages: Message[] = []): Session {
  return { id, created: 0, messages, context: {}, step: "greeting", leadData: {} };
}

sessionsOnEveryStore("saving a session", (open) => {
  it("messages and state come back as the same JSON", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    const odd = JSON.parse(
      '{"__proto__":{"a":1},"constructor":null,"toString":"x","😊":"è","":0,"n":-1.5e-7,"l":[[],{},null,true],"nested":{"__proto__":[]}}',
    ) as JsonObject;
    session.messages.push({ role: "user", content: "sì è così 😊 \u2028 \"'\\ <b>", odd }, odd, {}, { id: "1", n: 1e21 });
    Object.assign(session, { context: odd, step: odd, leadData: { ...odd, email: "a@b.it" } });
    await store.save(session);
    expect(JSON.stringify(await sessions.open().getOrCreate(session.id))).toBe(JSON.stringify(session));
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it("messages and state are one commit, without anything read first", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    const before = sessions.calls.length;
    session.messages.push(user("a"), user("b"));
    session.step = "contact";
    await store.save(session);
    expect(sessions.calls.slice(before).map(({ port, method }) => `${port}.${method}`)).toEqual(["hot.commit"]);
  });

  it("context, step and leadData are replaced whole", async () => {
    const { open: store, read } = await open();
    const session = await store().getOrCreate();
    Object.assign(session, { context: { a: 1, b: { c: 1 } }, step: "contact", leadData: { email: "a@b.it" } });
    await store().save(session);
    Object.assign(session, { context: { b: {} }, step: "summary", leadData: {} });
    await store().save(session);
    expect((await read(session.id)).metadata).toEqual({ source: "chatbot_widget", context: { b: {} }, step: "summary", leadData: {} });
  });

  it("what a session lacks is empty", async () => {
    const { open: store, read } = await open();
    const { id } = await store().getOrCreate();
    await store().save({ id } as Session);
    expect((await read(id)).metadata).toEqual({ source: "chatbot_widget", context: {}, step: "greeting", leadData: {} });
  });

  it("lastActivity moves, and a completed, archived or expired conversation becomes active", async () => {
    const { open: store, manager, read, clock, moveToArchive, pass } = await open();
    const ends: ((id: string) => Promise<unknown>)[] = [
      (id) => manager.completeConversation(id),
      (id) => manager.archiveConversation(id),
      (id) => moveToArchive(id),
      () => pass(100 * HOUR),
      async () => clock.pass(100 * HOUR),
    ];
    for (const change of [(): Message[] => [user("more")], (): Message[] => []]) {
      for (const end of ends) {
        const session = await store().getOrCreate();
        const known = store();
        const loaded = await known.getOrCreate(session.id);
        await end(session.id);
        loaded.messages.push(...change());
        await known.save(loaded);
        const copy = { ...copyOf(loaded), messages: [...loaded.messages, ...change()] };
        const now = await read(session.id);
        expect(now).toMatchObject({ status: "active", lastActivity: clock.iso(), messageCount: loaded.messages.length });
        expect(now).not.toHaveProperty("archivedAt");
        await end(session.id);
        await known.save(copy);
        expect(await read(session.id)).toMatchObject({ status: "active", messageCount: copy.messages.length });
      }
    }
  });

  it("over 100 messages in one save, and repeated ids, are plain data", async () => {
    const { open: store, read } = await open();
    const session = await store().getOrCreate();
    for (let i = 0; i < 250; i++) session.messages.push({ id: "same", n: i % 2, i });
    session.messages.push({ id: "twin" }, { id: "twin" });
    await store().save(session);
    expect((await read(session.id)).messages).toEqual(session.messages);
  });

  it("a date is the text that it becomes, also when a copy is saved", async () => {
    const { open: store, read } = await open();
    const session = await store().getOrCreate();
    session.messages.push({ content: "a", at: new Date(0) as unknown as string }, { content: "a", at: new Date(1) as unknown as string });
    await store().save(session);
    await store().save(copyOf(session));
    await store().save({ ...session });
    expect((await read(session.id)).messages).toEqual(copyOf(session.messages));
  });

  describe("what is new", () => {
    it("in the object that was loaded: what came after that, whatever others have said meanwhile", async () => {
      const { open: store, said } = await open();
      const one = store();
      const a = await one.getOrCreate();
      a.messages.push(user("0"));
      await one.save(a);
      const b = await one.getOrCreate(a.id);
      const c = await store().getOrCreate(a.id);
      a.messages.push(user("a1"));
      b.messages.push(user("b1"));
      c.messages.push(user("c1"));
      await one.save(a);
      await one.save(b);
      await one.save(c);
      a.messages.push(user("a2"));
      b.messages.push(user("b2"));
      await one.save(b);
      await one.save(a);
      await one.save(a);
      expect(await said(a.id)).toEqual(["0", "a1", "b1", "c1", "b2", "a2"]);
    });

    it("in two tabs with copies: after the longest common beginning; both keep everything", async () => {
      const { open: store, said } = await open();
      const begun = await store().getOrCreate();
      begun.messages.push(user("0"), user("1"));
      await store().save(begun);
      const [a, b] = [copyOf(begun), copyOf(begun)];
      a.messages.push(user("a1"), user("a2"));
      b.messages.push(user("b1"));
      await store().save(copyOf(a));
      await store().save(copyOf(b));
      await store().save(copyOf(a));
      expect(await said(begun.id)).toEqual(["0", "1", "a1", "a2", "b1"]);
    });

    it("copies that are saved at the same time both arrive, and one copy sent twice arrives once", async () => {
      const { open: store, said } = await open();
      const begun = await store().getOrCreate();
      begun.messages.push(user("0"));
      await store().save(begun);
      const [a, b] = [copyOf(begun), copyOf(begun)];
      a.messages.push(user("a"));
      b.messages.push(user("b"));
      await Promise.all([a, a, b, b].map((copy) => store().save(copyOf(copy))));
      const all = await said(begun.id);
      expect(all.filter((text) => text === "0")).toHaveLength(1);
      // Whichever tab was second: the first one's repeat diverges from it only there.
      expect(new Set(all)).toEqual(new Set(["0", "a", "b"]));
    });

    it("in a copy of a trimmed history: after the longest stored end with which it begins", async () => {
      const { open: store, said } = await open();
      const session = await store().getOrCreate();
      session.messages.push(...["1", "2", "3", "4"].map(user));
      await store().save(session);
      await store().save(copyOf({ ...session, messages: [user("3"), user("4"), user("5")] }));
      await store().save(copyOf({ ...session, messages: [user("5")] }));
      await store().save(copyOf({ ...session, messages: [user("x"), user("5")] }));
      expect(await said(session.id)).toEqual(["1", "2", "3", "4", "5", "x", "5"]);
    });

    it("in the loaded object too, even where the trimmed history begins like the whole one", async () => {
      const { open: store, said } = await open();
      const one = store();
      const session = await one.getOrCreate();
      session.messages.push(...["sì", "no", "sì", "ok"].map(user));
      await one.save(session);
      session.messages = [...session.messages.slice(-2), user("poi")];
      await one.save(session);
      session.messages = [...session.messages.slice(-1), user("poi")];
      await one.save(session);
      expect(await said(session.id)).toEqual(["sì", "no", "sì", "ok", "poi", "poi"]);
    });

    it("equal texts count as often as they were said", async () => {
      const { open: store, said } = await open();
      const one = store();
      const session = await one.getOrCreate();
      for (let i = 0; i < 3; i++) {
        session.messages.push(user("sì"));
        await one.save(session);
      }
      const copy = copyOf(session);
      copy.messages.push(user("sì"), user("sì"));
      await one.save(copy);
      expect(await said(session.id)).toEqual(["sì", "sì", "sì", "sì", "sì"]);
    });

    it("a shortened or emptied transcript removes nothing", async () => {
      const { open: store, said } = await open();
      const session = await store().getOrCreate();
      session.messages.push(user("1"), user("2"));
      await store().save(session);
      for (const messages of [[user("1")], [], undefined, null, "no list"]) {
        await store().save({ ...copyOf(session), messages: messages as Message[] });
        session.messages = messages as Message[];
        await store().save(session);
      }
      expect(await said(session.id)).toEqual(["1", "2"]);
    });

    it("a copy that was saved is known from then on", async () => {
      const { open: store, said } = await open();
      const one = store();
      const copy = copyOf(await one.getOrCreate());
      const other = copyOf(copy);
      for (const text of ["1", "2"]) {
        other.messages.push(user(`other ${text}`));
        copy.messages.push(user(text));
        await one.save(other);
        await one.save(copy);
      }
      expect(await said(copy.id)).toEqual(["other 1", "1", "other 2", "2"]);
    });

    it("key order makes no difference", async () => {
      const { open: store, read } = await open();
      const session = await store().getOrCreate();
      session.messages.push({ role: "user", content: "a" });
      await store().save(session);
      await store().save({ ...session, messages: [{ content: "a", role: "user" }, user("b")] });
      expect((await read(session.id)).messageCount).toBe(2);
    });
  });

  it("saves of one object that overlap arrive once, in order", async () => {
    const { open: store, said } = await open();
    const one = store();
    const session = await one.getOrCreate();
    const saves: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      session.messages.push(user(String(i)));
      saves.push(one.save(session));
    }
    await Promise.all(saves);
    expect(await said(session.id)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
  });

  it("what is said while a save is under way is part of the next one", async () => {
    const { open: store, said, unknownId } = await open();
    const one = store();
    const session = handMade(unknownId, [user("1")]);
    const saving = one.save(session);
    await new Promise((resolve) => setImmediate(resolve));
    session.messages.push(user("2"));
    await saving;
    await one.save(session);
    expect(await said(session.id)).toEqual(["1", "2"]);
  });

  describe("a session whose conversation is not found", () => {
    it("gets a new conversation with all of it, and becomes its session", async () => {
      const { open: store, read, bare, unknownId } = await open();
      const session = { ...handMade(unknownId, [user("1"), user("2")]), context: { a: 1 }, step: "contact", leadData: { b: 2 } };
      await store({ maxSessionDurationSeconds: 3600 }).save(session);
      expect(session.id).not.toBe(unknownId);
      expect(await read(session.id)).toMatchObject({
        metadata: {
          source: "chatbot_widget_recovery",
          originalSessionId: unknownId,
          context: { a: 1 },
          step: "contact",
          leadData: { b: 2 },
        },
        messages: session.messages,
      });
      expect(bare.value(unknownId)).toEqual({ id: unknownId, movedTo: session.id });
      expect(bare.secondsLeft(unknownId)).toBe(3600);
    });

    it("every later save and load under the old ID arrives there, from any process", async () => {
      const { open: store, said, conversations, unknownId } = await open();
      const first = handMade(unknownId, [user("1")]);
      const later = handMade(unknownId, [user("1"), user("2")]);
      await store().save(first);
      await store().save(later);
      expect(later.id).toBe(first.id);
      const loaded = await store().getOrCreate(unknownId);
      expect(loaded.id).toBe(first.id);
      first.messages.push(user("3"));
      await store().save(first);
      expect(await said(first.id)).toEqual(["1", "2", "3"]);
      expect(await conversations()).toHaveLength(1);
    });

    it("two saves at once get one conversation, with all that was said in both", async () => {
      const { open: store, said, conversations, unknownId } = await open();
      const [a, b] = [handMade(unknownId, [user("0"), user("a")]), handMade(unknownId, [user("0"), user("b")])];
      await Promise.all([store().save(a), store().save(b)]);
      expect(a.id).toBe(b.id);
      expect((await said(a.id)).toSorted()).toEqual(["0", "a", "b"]);
      expect(await conversations()).toHaveLength(1);
    });

    it("the object that was loaded, too, when its conversation is gone", async () => {
      const { open: store, manager, said, clock, moveToArchive } = await open();
      const one = store();
      const session = await one.getOrCreate();
      const old = session.id;
      session.messages.push(user("1"));
      await one.save(session);
      await moveToArchive(old);
      clock.pass(8 * 366 * 24 * HOUR);
      await manager.purge();
      session.messages.push(user("2"));
      await one.save(session);
      expect(session.id).not.toBe(old);
      session.messages.push(user("3"));
      await one.save(session);
      expect(await said(session.id)).toEqual(["1", "2", "3"]);
      expect((await one.getOrCreate(old)).id).toBe(session.id);
    });

    it("without a place for bare sessions, the object still becomes the new one's", async () => {
      const { open: store, said, unknownId } = await open();
      const one = store();
      const session = handMade(unknownId, [user("1")]);
      await one.save(session);
      session.messages.push(user("2"));
      await one.save(session);
      expect(await said(session.id)).toEqual(["1", "2"]);
    });
  });

  describe("erased or wiped", () => {
    it("nothing is written anywhere: for the loaded object, a copy, or a pointer to it", async () => {
      const sessions = await open();
      const { unknownId } = sessions;
      const { manager, bare, survived } = sessions;
      for (const remove of [
        (id: string) => manager.eraseConversation(id),
        (id: string) => manager.archiveConversation(id, "privacy", { preserveData: false }),
      ]) {
        const store = sessions.open();
        const loaded = await store.getOrCreate();
        bare.fill(unknownId, { id: unknownId, movedTo: loaded.id });
        loaded.messages.push(user("secret 1"));
        await store.save(loaded);
        await remove(loaded.id);
        const { length } = sessions.told;
        const [calls, id] = [sessions.calls.length, loaded.id];
        loaded.messages.push(user("secret 2"));
        for (const session of [loaded, copyOf(loaded), handMade(loaded.id, [user("x")]), handMade(unknownId, [user("x")])]) {
          await store.save(session);
          await store.save(session);
        }
        expect(loaded.id).toBe(id);
        expect(sessions.told).toHaveLength(length);
        expect(sessions.calls.slice(calls).filter(({ method }) => method === "create" || method === "put")).toEqual([]);
        expect(bare.writes).toEqual([]);
      }
      expect(survived).toEqual([]);
      expect(await sessions.conversations()).toEqual([]);
    });
  });

  describe("what no store takes", () => {
    it("is stored as near as it can be, and keeps nothing else from being stored", async () => {
      const { open: store, read, survived } = await open();
      const one = store();
      const session = await one.getOrCreate();
      const cyclic: JsonObject = {};
      cyclic["itself"] = cyclic;
      const odd: [unknown, Message][] = [
        [user("a\0b"), user("a\ufffdb")],
        [user("half a smile \ud83d"), user("half a smile \ufffd")],
        [{ n: Number.NaN }, { n: null }],
        [{ f: () => 1, g: 2 }, { g: 2 }],
        ["no object", { role: "unknown", content: "no object" }],
        [{ n: 1n }, { role: "unknown", content: null }],
        [cyclic, { role: "unknown", content: null }],
      ];
      const expected: Message[] = [];
      for (const [given, stored] of odd) {
        session.messages.push(given as Message, user("after"));
        session.context["odd"] = Number.NaN;
        expected.push(stored, user("after"));
        await one.save(session);
        expect((await read(session.id)).messages).toEqual(expected);
      }
      await one.save(copyOf({ ...session, messages: expected }));
      expect((await read(session.id)).messages).toEqual(expected);
      expect(survived).toEqual([]);
    });

    it("is refused if it is too large, with nothing of that save stored, and keeps nothing else from being saved once it is mended", async () => {
      const { open: store, read, survived } = await open({ limits: { messageBytes: 1000, sessionBytes: 1000 } });
      const one = store();
      const session = await one.getOrCreate();
      const bad: (() => void)[] = [
        () => session.messages.push(user("x".repeat(1000))),
        () => (session.leadData = { notes: "x".repeat(1000) }),
      ];
      let count = 0;
      for (const spoil of bad) {
        session.messages.push(user(`good ${count}`));
        spoil();
        await one.save(session);
        await one.save(copyOf({ ...session, messages: [user("x".repeat(1000))] }));
        expect((await read(session.id)).messageCount).toBe(count);
        session.messages.length = ++count;
        session.leadData = {};
        await one.save(session);
        expect((await read(session.id)).messages).toEqual(session.messages);
      }
      expect(survived.length).toBe(2 * bad.length);
    });

    it("a trimmed history whose texts were said before loses nothing that is said then", async () => {
      const { open: store, read } = await open();
      const one = store();
      const session = await one.getOrCreate();
      for (const text of ["a", "b", "c", "a", "b"]) session.messages.push(user(text));
      await one.save(session);
      session.messages = session.messages.slice(-2);
      session.messages.push(user("c"));
      await one.save(session);
      expect((await read(session.id)).messages).toEqual(["a", "b", "c", "a", "b", "c"].map(user));
    });

    it("what is no session at all is survived and told", async () => {
      const { open: store, survived } = await open();
      for (const nonsense of [null, undefined, 42, "text", [], {}, { id: 7 }]) await store().save(nonsense as unknown as Session);
      expect(survived).toHaveLength(7);
    });

    it("an old record that would be refused today does not keep its chat from going on", async () => {
      const { open: store, manager, read, stores } = await open();
      const { id } = await manager.createConversation({ messages: [user("x")] });
      const whole = (await stores.hot.read(id, Infinity))!;
      await stores.hot.remove(id, whole.head.version);
      whole.messages[0]!.body = '{"role":"user","content":"half a smile \\ud83d"}';
      await stores.hot.create(whole);
      const loaded = await store().getOrCreate(id);
      expect(loaded.messages).toHaveLength(1);
      loaded.messages.push(user("2"));
      await store().save(loaded);
      loaded.messages.push(user("3"));
      await store().save(copyOf(loaded));
      expect((await read(id)).messages.slice(1)).toEqual([user("2"), user("3")]);
    });
  });
});
