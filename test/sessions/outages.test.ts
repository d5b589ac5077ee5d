// Outages: what is said while the store is away is stored when it is back, once, in one conversation, whoever brings it.

import { describe, expect, it } from "vitest";
import type { Session } from "../../src/sessions/index.ts";
import { DAY, HOUR } from "../manager/worlds.ts";
import { copyOf, sessionsOnEveryStore, textsIn, user } from "./session-world.ts";

sessionsOnEveryStore("an outage", (open) => {
  describe("at a save", () => {
    it("leaves the session under its own ID, for MAX_SESSION_DURATION", async () => {
      const sessions = await open();
      const store = sessions.open({ maxSessionDurationSeconds: 3600.9 });
      const session = await store.getOrCreate();
      Object.assign(session, { messages: [user("1")], context: { a: 1 }, step: "contact", leadData: { b: 2 } });
      sessions.down();
      await store.save(session);
      expect(sessions.bare.keys()).toEqual([session.id]);
      expect(sessions.bare.value(session.id)).toMatchObject(copyOf(session));
      expect(sessions.bare.secondsLeft(session.id)).toBe(3600);
      expect(sessions.survived).toEqual([expect.stringMatching(/^save session: /)]);
    });

    it("a TTL that no KV takes becomes the shortest one, and the default is a day", async () => {
      const sessions = await open();
      sessions.down();
      for (const [options, seconds] of [[{ maxSessionDurationSeconds: 1 }, 60] as const, [{}, 86_400] as const]) {
        const session = await sessions.open(options).getOrCreate();
        await sessions.open(options).save(session);
        expect(sessions.bare.secondsLeft(session.id)).toBe(seconds);
      }
      expect(() => sessions.open({ maxSessionDurationSeconds: Number.NaN })).toThrow("maxSessionDurationSeconds must be a number");
      expect(() => sessions.open({ resumeHours: Number.NaN })).toThrow("resumeHours must be a number");
    });

    it("if that fails too it is told, and the object brings all of it later", async () => {
      const sessions = await open();
      const store = sessions.open();
      const session = await store.getOrCreate();
      sessions.down();
      sessions.bare.fault = () => new Error("bare store away");
      session.messages.push(user("1"));
      await store.save(session);
      session.messages.push(user("2"));
      await store.save(session);
      expect(sessions.survived).toContain("save session: bare store away");
      expect(sessions.bare.keys()).toEqual([]);
      sessions.up();
      await store.save(session);
      expect(await sessions.said(session.id)).toEqual(["1", "2"]);
    });

    it("is kept even if the place can be written to and not read", async () => {
      const sessions = await open();
      const store = sessions.open();
      const session = await store.getOrCreate();
      sessions.down();
      sessions.bare.fault = (what) => (what === "get" ? new Error("no reads") : null);
      session.messages.push(user("1"));
      await store.save(session);
      expect(sessions.bare.value(session.id)).toMatchObject({ messages: [user("1")] });
    });

    it("only where a session may lie: never under a colon or a made-up key", async () => {
      const sessions = await open();
      const { unknownId } = sessions;
      sessions.down();
      const strict = sessions.open({ legacySessionPattern: "^sess" });
      for (const id of ["undefined", "config", "conv:x", `conv:${unknownId}`, "sess:1", "", "x".repeat(600)]) {
        await strict.save({ id, created: 0, messages: [user("1")], context: {}, step: "greeting", leadData: {} });
      }
      expect(sessions.bare.keys()).toEqual([]);
      await strict.save({ id: "sess-1", created: 0, messages: [user("1")], context: {}, step: "greeting", leadData: {} });
      expect(sessions.bare.keys()).toEqual(["sess-1"]);
    });

    it("two tabs that save under one ID both keep everything", async () => {
      const sessions = await open();
      const store = sessions.open();
      const a = await store.getOrCreate();
      a.messages.push(user("0"));
      await store.save(a);
      const b = await store.getOrCreate(a.id);
      const c = copyOf(a);
      const elsewhere = sessions.open();
      const d = await elsewhere.getOrCreate(a.id);
      sessions.down();
      for (const [name, tab] of Object.entries({ a, b, c })) tab.messages.push(user(name));
      await Promise.all([a, b, c].map((tab) => store.save(tab)));
      d.messages.push(user("d"));
      await elsewhere.save(d);
      sessions.up();
      const back = await store.getOrCreate(a.id);
      expect((await sessions.said(a.id)).toSorted()).toEqual(["0", "a", "b", "c", "d"]);
      expect(back.messages).toHaveLength(5);
      expect(sessions.bare.keys()).toEqual([]);
      for (const tab of [a, b, c]) await store.save(tab);
      await elsewhere.save(d);
      expect(await sessions.said(a.id)).toHaveLength(5);
    });

    it("the object that saves again when the store is back brings what others left there, too", async () => {
      const sessions = await open();
      const store = sessions.open();
      const a = await store.getOrCreate();
      const b = await store.getOrCreate(a.id);
      sessions.down();
      a.messages.push(user("a"));
      b.messages.push(user("b"));
      await store.save(a);
      await store.save(b);
      sessions.up();
      a.messages.push(user("a2"));
      await store.save(a);
      expect((await sessions.said(a.id)).toSorted()).toEqual(["a", "a2", "b"]);
      expect(sessions.bare.keys()).toEqual([]);
      await store.save(b);
      expect(await sessions.said(a.id)).toHaveLength(3);
    });
  });

  describe("an answer that is lost after the effect", () => {
    it("doubles nothing when the same object saves again, though another tab spoke meanwhile", async () => {
      const sessions = await open();
      const store = sessions.open();
      const session = await store.getOrCreate();
      session.messages.push(user("sì"));
      sessions.loseNextAnswer();
      await store.save(session);
      sessions.up();
      const other = await store.getOrCreate(session.id);
      other.messages.push(user("sì"));
      await store.save(other);
      session.messages.push(user("sì"), user("2"));
      await store.save(session);
      await store.save(session);
      expect(await sessions.said(session.id)).toEqual(["sì", "sì", "sì", "2"]);
      expect(sessions.bare.keys()).toEqual([]);
    });

    it("doubles nothing when another process loads what was left under the ID, before or after the object saves again", async () => {
      const sessions = await open();
      for (const first of ["load", "save"]) {
        const store = sessions.open();
        const session = await store.getOrCreate();
        session.messages.push(user("1"));
        sessions.loseNextAnswer();
        await store.save(session);
        session.messages.push(user("2"));
        await store.save(session);
        sessions.up();
        session.messages.push(user("3"));
        const steps = [() => sessions.open().getOrCreate(session.id), () => store.save(session)];
        for (const step of first === "load" ? steps : steps.toReversed()) await step();
        expect(await sessions.said(session.id)).toEqual(["1", "2", "3"]);
      }
    });

    it("of a copy doubles nothing when it is saved again", async () => {
      const sessions = await open();
      const store = sessions.open();
      const begun = await store.getOrCreate();
      begun.messages.push(user("0"));
      await store.save(begun);
      const [copy, other] = [copyOf(begun), await store.getOrCreate(begun.id)];
      copy.messages.push(user("1"));
      sessions.loseNextAnswer();
      await store.save(copy);
      sessions.up();
      other.messages.push(user("x"));
      await store.save(other);
      await store.save(copy);
      await sessions.open().getOrCreate(begun.id);
      expect(await sessions.said(begun.id)).toEqual(["0", "1", "x"]);
    });

    it("of a new conversation costs nobody anything: the fallback session becomes another one", async () => {
      const sessions = await open();
      const store = sessions.open();
      sessions.loseNextAnswer();
      const session = await store.getOrCreate();
      expect(session.id).toMatch(/^fallback_/);
      sessions.up();
      session.messages.push(user("1"));
      await store.save(session);
      expect(await sessions.said(session.id)).toEqual(["1"]);
    });

    it("of a recovery leads to the same new conversation again", async () => {
      const sessions = await open();
      const { unknownId } = sessions;
      const store = sessions.open();
      const session: Session = { id: unknownId, created: 0, messages: [user("1")], context: {}, step: "greeting", leadData: {} };
      for (let lost = 0; lost < 4; lost++) {
        let writes = 0;
        sessions.fault = ({ method }) => {
          if (!["create", "commit", "put"].includes(method)) return null;
          writes++;
          return writes > lost + 1 ? "fails" : writes === lost + 1 ? "loses the answer" : null;
        };
        await store.save(session);
      }
      sessions.up();
      await store.save(session);
      await sessions.open().getOrCreate(unknownId);
      expect(await sessions.said(session.id)).toEqual(["1"]);
      expect(await sessions.conversations()).toHaveLength(1);
    });

    it("is told by comparing when the store has forgotten its keys", async () => {
      const sessions = await open();
      const store = sessions.open({ maxSessionDurationSeconds: 7 * 86_400 });
      for (const bring of [(id: string) => sessions.open().getOrCreate(id), (_: string, session: Session) => store.save(session)]) {
        const session = await store.getOrCreate();
        session.messages.push(user("1"));
        sessions.loseNextAnswer();
        await store.save(session);
        session.messages.push(user("2"));
        await store.save(session);
        sessions.up();
        sessions.clock.pass(2 * DAY);
        await sessions.manager.cleanup();
        await bring(session.id, session);
        await store.save(session);
        expect(await sessions.said(session.id)).toEqual(["1", "2"]);
      }
    });
  });

  describe("in the middle of a chat", () => {
    it("a bot that loads and saves at every turn keeps its memory, and one conversation has all of it", async () => {
      const sessions = await open();
      const store = sessions.open();
      const first = await store.getOrCreate();
      Object.assign(first, { messages: [user("1")], leadData: { email: "a@b.it" }, step: "contact" });
      await store.save(first);
      let id = first.id;
      const heard: string[][] = [];
      for (const [text, state] of [
        ["2", "down"] as const,
        ["3", "down"] as const,
        ["4", "down"] as const,
        ["5", "up"] as const,
        ["6", "up"] as const,
      ]) {
        sessions[state]();
        // Each turn is another process.
        const process = sessions.open();
        const session = await process.getOrCreate(id);
        heard.push(textsIn(session.messages));
        session.messages.push(user(text));
        if (text === "3") session.leadData = { ...session.leadData, phone: "1" };
        await process.save(session);
        id = session.id;
      }
      expect(heard).toEqual([[], ["2"], ["2", "3"], ["1", "2", "3", "4"], ["1", "2", "3", "4", "5"]]);
      expect(id).toBe(first.id);
      expect(await sessions.said(id)).toEqual(["1", "2", "3", "4", "5", "6"]);
      expect((await sessions.read(id)).metadata).toMatchObject({ leadData: { email: "a@b.it", phone: "1" }, step: "contact" });
      expect(await sessions.conversations()).toHaveLength(1);
    });

    it("every ID of the outage leads to that conversation afterwards, in whatever order they come", async () => {
      const sessions = await open();
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 0, 2],
      ]) {
        const first = await sessions.open().getOrCreate();
        sessions.down();
        const ids = [first.id];
        for (const text of ["1", "2", "3"]) {
          const process = sessions.open();
          const session = await process.getOrCreate(ids.at(-1));
          session.messages.push(user(text));
          await process.save(session);
          ids.push(session.id);
        }
        sessions.up();
        for (const at of order) expect((await sessions.open().getOrCreate(ids[at + 1])).id).toBe(first.id);
        expect(await sessions.said(first.id)).toEqual(["1", "2", "3"]);
      }
    });

    it("a chat that began in the outage becomes one new conversation", async () => {
      const sessions = await open();
      sessions.down();
      let id: string | undefined;
      for (const text of ["1", "2", "3"]) {
        const process = sessions.open();
        const session = await process.getOrCreate(id);
        session.messages.push(user(text));
        await process.save(session);
        id = session.id;
      }
      sessions.up();
      const session = await sessions.open().getOrCreate(id);
      expect(await sessions.said(session.id)).toEqual(["1", "2", "3"]);
      expect((await sessions.read(session.id)).metadata["source"]).toBe("chatbot_widget_recovery");
      expect(await sessions.conversations()).toHaveLength(1);
    });

    it("what another tab says meanwhile is there too, and nothing is doubled", async () => {
      const sessions = await open();
      const store = sessions.open();
      const a = await store.getOrCreate();
      a.messages.push(user("sì"));
      await store.save(a);
      const reachable = sessions.open();
      const b = await reachable.getOrCreate(a.id);
      sessions.down();
      const f = await store.getOrCreate(a.id);
      f.messages.push(user("sì"));
      await store.save(f);
      a.messages.push(user("a"));
      await store.save(a);
      sessions.up();
      b.messages.push(user("b"));
      await reachable.save(b);
      const back = await sessions.open().getOrCreate(f.id);
      expect(back.id).toBe(a.id);
      f.messages.push(user("f"));
      await store.save(f);
      expect(f.id).toBe(a.id);
      expect((await sessions.said(a.id)).toSorted()).toEqual(["a", "b", "f", "sì", "sì"]);
    });

    it("a session that was kept as a whole only, by older code, is compared", async () => {
      const sessions = await open();
      const store = sessions.open();
      const a = await store.getOrCreate();
      a.messages.push(user("1"), user("2"));
      await store.save(a);
      sessions.bare.fill(a.id, { ...copyOf(a), messages: [...a.messages, user("3")] });
      const b = await store.getOrCreate(a.id);
      expect(b.messages.map(({ content }) => content)).toEqual(["1", "2", "3"]);
      expect(sessions.bare.keys()).toEqual([]);
    });

    it("after the outage every hour's turn still arrives in one commit", async () => {
      const sessions = await open();
      const store = sessions.open();
      const session = await store.getOrCreate();
      sessions.down();
      session.messages.push(user("1"));
      await store.save(session);
      sessions.up();
      session.messages.push(user("2"));
      await store.save(session);
      sessions.clock.pass(HOUR);
      const before = sessions.calls.length;
      session.messages.push(user("3"));
      await store.save(session);
      expect(sessions.calls.slice(before).map(({ method }) => method)).toEqual(["commit"]);
    });
  });
});
