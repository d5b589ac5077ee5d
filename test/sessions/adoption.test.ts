// Adoption: a session that lies bare comes to its conversation once, and its key then points there.

import { describe, expect, it } from "vitest";
import type { BareSession } from "../../src/sessions/bare-sessions.ts";
import type { Session } from "../../src/sessions/index.ts";
import { sessionsOnEveryStore, textsIn, user, type Sessions } from "./session-world.ts";

/** A session as older code left it, under its own ID. */
function leftBare(sessions: Sessions, id: string, fields: Partial<BareSession> = {}): Session {
  const session = {
    id,
    created: 1,
    messages: [user("1"), user("2")],
    context: { a: 1 },
    step: "contact",
    leadData: { email: "a@b.it" },
    ...fields,
  };
  sessions.bare.fill(id, session);
  return session;
}

sessionsOnEveryStore("adopting a session", (open) => {
  it("a fallback session comes to a new conversation, to which its key then points", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    const left = leftBare(sessions, fallbackId);
    const session = await sessions.open({ maxSessionDurationSeconds: 600 }).getOrCreate(fallbackId);
    expect(session).toMatchObject({ messages: left.messages, context: { a: 1 }, step: "contact", leadData: { email: "a@b.it" } });
    expect((await sessions.read(session.id)).metadata).toMatchObject({ source: "chatbot_widget_recovery", originalSessionId: fallbackId });
    expect(sessions.bare.value(fallbackId)).toEqual({ id: fallbackId, movedTo: session.id });
    expect(sessions.bare.secondsLeft(fallbackId)).toBe(600);
    expect((await sessions.open().getOrCreate(fallbackId)).id).toBe(session.id);
  });

  it("into the conversation of its ID, under which nothing lies then", async () => {
    const sessions = await open();
    const store = sessions.open();
    const begun = await store.getOrCreate();
    begun.messages.push(user("1"));
    Object.assign(begun, { context: { old: 1 }, leadData: { phone: "1" } });
    await store.save(begun);
    leftBare(sessions, begun.id);
    const session = await store.getOrCreate(begun.id);
    // Its own state: whole.
    expect(session).toMatchObject({ id: begun.id, messages: [user("1"), user("2")], step: "contact" });
    expect([session.context, session.leadData]).toEqual([{ a: 1 }, { email: "a@b.it" }]);
    expect(sessions.bare.keys()).toEqual([]);
  });

  it("into the live conversation of its originalSessionId, whose state it joins", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    const store = sessions.open();
    const begun = await store.getOrCreate();
    Object.assign(begun, { messages: [user("0")], context: { page: "/", a: 0 }, step: "summary", leadData: { phone: "1", email: "old" } });
    await store.save(begun);
    leftBare(sessions, fallbackId, { originalSessionId: begun.id });
    const session = await store.getOrCreate(fallbackId);
    expect(session).toMatchObject({ id: begun.id, messages: ["0", "1", "2"].map(user), step: "contact" });
    expect([session.context, session.leadData]).toEqual([
      { page: "/", a: 1 },
      { phone: "1", email: "a@b.it" },
    ]);
    expect(sessions.bare.value(fallbackId)).toEqual({ id: fallbackId, movedTo: begun.id });
    expect((await sessions.read(begun.id)).metadata["originalSessionId"]).toBeUndefined();
  });

  it("a step that is only the greeting does not set the conversation back", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    const begun = await sessions.open().getOrCreate();
    begun.step = "summary";
    await sessions.open().save(begun);
    leftBare(sessions, fallbackId, { originalSessionId: begun.id, step: "greeting" });
    expect((await sessions.open().getOrCreate(fallbackId)).step).toBe("summary");
  });

  it("of an originalSessionId that is not found, malformed, or its own: into a new one", async () => {
    const sessions = await open();
    const { unknownId, fallbackId } = sessions;
    for (const originalSessionId of [unknownId, "undefined", "conv:x", fallbackId, 7 as unknown as string]) {
      leftBare(sessions, fallbackId, { originalSessionId });
      const session = await sessions.open().getOrCreate(fallbackId);
      expect(await sessions.said(session.id)).toEqual(["1", "2"]);
      await sessions.manager.eraseConversation(session.id);
      sessions.clock.pass(25 * 3_600_000);
      await sessions.manager.cleanup();
    }
  });

  it("what points in a circle ends", async () => {
    const sessions = await open();
    const { unknownId, fallbackId } = sessions;
    const other = fallbackId.replace("fallback_1", "fallback_2");
    sessions.bare.fill(fallbackId, { id: fallbackId, movedTo: other });
    sessions.bare.fill(other, { id: other, movedTo: fallbackId });
    sessions.bare.fill(unknownId, { id: unknownId, movedTo: unknownId });
    for (const id of [fallbackId, unknownId]) expect((await sessions.open().getOrCreate(id)).messages).toEqual([]);
    leftBare(sessions, fallbackId, { originalSessionId: other });
    leftBare(sessions, other, { originalSessionId: fallbackId, messages: [user("3")] });
    const session = await sessions.open().getOrCreate(fallbackId);
    expect(session.id).toMatch(/^ITERA_/);
    expect(await sessions.said(session.id)).toEqual(["3", "1", "2"]);
  });

  it("twice at once, in two processes: once, in one conversation", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    const begun = await sessions.open().getOrCreate();
    for (const fields of [{}, { originalSessionId: begun.id }]) {
      leftBare(sessions, fallbackId, fields);
      const both = await Promise.all(Array.from({ length: 4 }, () => sessions.open().getOrCreate(fallbackId)));
      expect(new Set(both.map(({ id }) => id)).size).toBe(1);
      expect(await sessions.said(both[0]!.id)).toEqual(["1", "2"]);
    }
    expect(await sessions.conversations()).toHaveLength(2);
  });

  it("again after its pointer was lost, and after a crash at any write: once, in one conversation", async () => {
    const sessions = await open();
    sessions.down();
    const f = await sessions.open().getOrCreate();
    f.messages.push(user("1"));
    await sessions.open().save(f);
    const lying = sessions.bare.text(f.id)!;
    for (let write = 1; write <= 4; write++) {
      let seen = 0;
      sessions.fault = ({ method }) => (["create", "commit", "put"].includes(method) && ++seen >= write ? "loses the answer" : null);
      await sessions.open().getOrCreate(f.id);
      sessions.bare.fill(f.id, lying);
    }
    sessions.up();
    for (let i = 0; i < 2; i++) {
      sessions.bare.fill(f.id, lying);
      const session = await sessions.open().getOrCreate(f.id);
      expect(await sessions.said(session.id)).toEqual(["1"]);
    }
    expect(await sessions.conversations()).toHaveLength(1);
  });

  it("by another process first; the original object then saves there, and merges what it knows with what was there", async () => {
    const sessions = await open();
    const store = sessions.open();
    const a = await store.getOrCreate();
    Object.assign(a, { messages: [user("sì")], context: { page: "/" }, leadData: { email: "a@b.it" } });
    await store.save(a);
    sessions.down();
    const f = await store.getOrCreate(a.id);
    Object.assign(f, { messages: [user("sì")], leadData: { phone: "1" } });
    await store.save(f);
    sessions.up();
    const other = await sessions.open().getOrCreate(f.id);
    expect(other.id).toBe(a.id);
    other.messages.push(user("x"));
    await sessions.open().save(other);
    f.messages.push(user("2"));
    await store.save(f);
    f.messages.push(user("3"));
    await store.save(f);
    expect(f.id).toBe(a.id);
    expect(await sessions.said(a.id)).toEqual(["sì", "sì", "x", "2", "3"]);
    expect((await sessions.read(a.id)).metadata).toMatchObject({ context: { page: "/" }, leadData: { email: "a@b.it", phone: "1" } });
  });

  it("the object of a fallback session saves straight into the conversation when the store is back", async () => {
    const sessions = await open();
    const store = sessions.open();
    const a = await store.getOrCreate();
    a.leadData = { email: "a@b.it" };
    await store.save(a);
    sessions.down();
    const f = await store.getOrCreate(a.id);
    sessions.up();
    f.messages.push(user("1"));
    f.leadData = { phone: "1" };
    await store.save(f);
    f.messages.push(user("2"));
    await store.save(f);
    expect(f.id).toBe(a.id);
    expect(await sessions.said(a.id)).toEqual(["1", "2"]);
    expect((await sessions.read(a.id)).metadata["leadData"]).toEqual({ email: "a@b.it", phone: "1" });
  });

  it("an object that is away from the store again, after its session was moved, is found again", async () => {
    const sessions = await open();
    const store = sessions.open();
    sessions.down();
    const f = await store.getOrCreate();
    const old = f.id;
    f.messages.push(user("1"));
    await store.save(f);
    sessions.up();
    const { id } = await sessions.open().getOrCreate(old);
    sessions.down();
    f.messages.push(user("2"));
    await store.save(f);
    expect(sessions.bare.value(old)).toMatchObject({ movedTo: id, messages: [user("1"), user("2")] });
    sessions.up();
    expect((await sessions.open().getOrCreate(old)).id).toBe(id);
    expect(await sessions.said(id)).toEqual(["1", "2"]);
    expect(sessions.bare.value(old)).toEqual({ id: old, movedTo: id });
    await store.save(f);
    expect(await sessions.said(f.id)).toEqual(["1", "2"]);
  });

  it("what another process leaves while it is adopted is adopted, too", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    const first = leftBare(sessions, fallbackId);
    let once = true;
    sessions.fault = ({ method }) => {
      if (method === "commit" && once) sessions.bare.fill(fallbackId, { ...first, messages: [...first.messages, user("3")] });
      once &&= method !== "commit";
      return null;
    };
    const session = await sessions.open().getOrCreate(fallbackId);
    expect(await sessions.said(session.id)).toEqual(["1", "2", "3"]);
    expect(sessions.bare.value(fallbackId)).toEqual({ id: fallbackId, movedTo: session.id });
  });

  it("a key that cannot be written does not keep the session from its conversation, nor double it", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    leftBare(sessions, fallbackId);
    sessions.bare.fault = (what) => (what === "get" ? null : new Error("read only"));
    const a = await sessions.open().getOrCreate(fallbackId);
    const b = await sessions.open().getOrCreate(fallbackId);
    expect(a.id).toBe(b.id);
    expect(await sessions.said(a.id)).toEqual(["1", "2"]);
    expect(sessions.survived).toContain("note where a session went: read only");
  });

  it("a place that cannot be read: the session waits, and is adopted with what is said meanwhile", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    leftBare(sessions, fallbackId);
    sessions.bare.fault = () => new Error("away");
    const f = await sessions.open().getOrCreate(fallbackId);
    expect(f).toMatchObject({ id: expect.stringMatching(/^fallback_/), originalSessionId: fallbackId });
    sessions.bare.fault = () => null;
    f.messages.push(user("3"));
    await sessions.open().save(f);
    expect(await sessions.said(f.id)).toEqual(["1", "2", "3"]);
    expect((await sessions.open().getOrCreate(fallbackId)).id).toBe(f.id);
  });

  it("what the store refuses is told, and keeps nobody from the rest", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    leftBare(sessions, fallbackId, { messages: [user("x".repeat(300_000))] });
    const session = await sessions.open().getOrCreate(fallbackId);
    expect(session.id).toMatch(/^ITERA_/);
    expect(sessions.survived).toEqual([expect.stringMatching(/^adopt session: .*too large/)]);
    expect((await sessions.open().getOrCreate(fallbackId)).id).toBe(session.id);
  });

  it("what cannot be stored as it is does not take with it what was said", async () => {
    const sessions = await open();
    const { fallbackId } = sessions;
    leftBare(sessions, fallbackId, { leadData: { notes: "\0" } });
    const session = await sessions.open().getOrCreate(fallbackId);
    expect(session).toMatchObject({ messages: [user("1"), user("2")], leadData: { notes: "\ufffd" } });
    expect(sessions.survived).toEqual([]);
  });

  describe("erased or wiped", () => {
    it("what lies under its ID, or belongs to it, is removed and brought nowhere", async () => {
      const sessions = await open();
      const { unknownId, fallbackId } = sessions;
      const { manager } = sessions;
      for (const remove of [
        (id: string) => manager.eraseConversation(id),
        (id: string) => manager.archiveConversation(id, "privacy", { preserveData: false }),
      ]) {
        const store = sessions.open();
        const gone = await store.getOrCreate();
        await remove(gone.id);
        for (const [id, fields] of [
          [gone.id, {}],
          [fallbackId, { originalSessionId: gone.id }],
          [unknownId, { movedTo: gone.id }],
        ] as const) {
          for (const use of [() => store.getOrCreate(id), () => store.save({ ...leftBare(sessions, id, fields) })]) {
            leftBare(sessions, id, fields);
            await use();
            expect(JSON.stringify(sessions.bare.value(id))).not.toContain("messages");
          }
        }
        for (const key of sessions.bare.keys()) await sessions.bare.delete(key);
      }
      expect(await sessions.conversations()).toEqual([]);
    });

    it("after it was adopted: a late repeat brings nothing back, and the visitor starts anew", async () => {
      const sessions = await open();
      const { fallbackId } = sessions;
      const left = leftBare(sessions, fallbackId);
      const { id } = await sessions.open().getOrCreate(fallbackId);
      await sessions.manager.eraseConversation(id);
      sessions.bare.fill(fallbackId, left);
      const session = await sessions.open().getOrCreate(fallbackId);
      expect(session).toMatchObject({ id: expect.stringMatching(/^ITERA_/), messages: [] });
      expect(sessions.bare.value(fallbackId)).toBeNull();
      expect(await sessions.conversations()).toEqual([]);
    });
  });

  describe("what is looked for", () => {
    it("only fallback IDs, conversation IDs, and what matches LEGACY_SESSION_PATTERN; never with a colon", async () => {
      const sessions = await open();
      const { fallbackId } = sessions;
      for (const id of ["sess-1", "sess:1", "other", "fallback_1_short", `x${fallbackId}`, `${fallbackId}\n`]) leftBare(sessions, id);
      const found = async (id: string, legacySessionPattern?: RegExp | string) => {
        const store = sessions.open(legacySessionPattern === undefined ? {} : { legacySessionPattern });
        return (await store.getOrCreate(id)).messages.length > 0;
      };
      for (const id of sessions.bare.keys()) expect(await found(id), id).toBe(false);
      expect(await found("sess-1", "^sess")).toBe(true);
      // A pattern that remembers where it was is asked anew each time.
      for (let i = 0; i < 3; i++) expect(await found("sess-1", /^sess/gy)).toBe(true);
      expect(await found("sess:1", "^sess")).toBe(false);
      expect(await found("other", "^sess")).toBe(false);
      expect(await found("other", "")).toBe(false);
    });

    it("counts only if it is an object with that id, and is left alone otherwise", async () => {
      const sessions = await open();
      const { fallbackId } = sessions;
      const id = (await sessions.open().getOrCreate()).id;
      const others = [
        "no JSON",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"id":"other","messages":[{"a":1}]}',
        '{"messages":[{"a":1}]}',
        '{"__proto__":{"id":"x"}}',
      ];
      for (const text of others) {
        for (const key of [fallbackId, id]) {
          sessions.bare.fill(key, text);
          expect((await sessions.open().getOrCreate(key)).messages).toEqual([]);
          expect(sessions.bare.text(key)).toBe(text);
        }
      }
      sessions.bare.fill(fallbackId, `{"id":"${fallbackId}"}`);
      expect((await sessions.open().getOrCreate(fallbackId)).messages).toEqual([]);
      expect(sessions.bare.value(fallbackId)).toHaveProperty("movedTo");
    });

    it("what is damaged in it is mended, and what is no message becomes one", async () => {
      const sessions = await open();
      const { fallbackId } = sessions;
      leftBare(sessions, fallbackId, {
        messages: [user("1"), null, "x", 7, user("2")],
        context: [],
        leadData: null,
        unsaved: [{ key: "k", at: "no time", messages: [] }],
      } as unknown as Partial<Session>);
      const session = await sessions.open().getOrCreate(fallbackId);
      const mended = [null, "x", 7].map((content) => ({ role: "unknown", content }));
      expect(session).toMatchObject({ messages: [user("1"), ...mended, user("2")], context: {}, leadData: {}, step: "contact" });
    });
  });

  it("without idempotency keys everything arrives all the same, told by comparing", async () => {
    const sessions = await open();
    const store = sessions.open({ idempotent: false });
    const a = await store.getOrCreate();
    a.messages.push(user("0"));
    await store.save(a);
    const b = await store.getOrCreate(a.id);
    sessions.loseNextAnswer();
    a.messages.push(user("1"));
    await store.save(a);
    a.messages.push(user("2"));
    await store.save(a);
    b.messages.push(user("b"));
    await store.save(b);
    sessions.up();
    const back = await sessions.open({ idempotent: false }).getOrCreate(a.id);
    expect(textsIn(back.messages).toSorted()).toEqual(["0", "1", "2", "b"]);
    for (let i = 0; i < 2; i++) await store.save(a);
    expect(await sessions.said(a.id)).toHaveLength(4);
    expect(sessions.calls.some(({ args }) => JSON.stringify(args)?.includes("session save"))).toBe(false);
  });
});
