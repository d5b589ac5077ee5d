// `append`: one message and the state, without the transcript.

import { expect, it } from "vitest";
import { ConversationNotFoundError, GoneError, InvalidConversationIdError, StoreUnavailableError } from "../../src/core/errors.ts";
import { copyOf, sessionsOnEveryStore, user } from "./session-world.ts";

sessionsOnEveryStore("appending to a session", (open) => {
  it("stores the message and the state in one commit, and the object holds both", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    const before = sessions.calls.length;
    const state = { context: { a: 1 }, step: "contact", leadData: { email: "a@b.it" } };
    const result = await store.append(session, user("ciao"), state);
    expect(result).toMatchObject({ messageCount: 1, messages: [{ seq: 1 }] });
    expect(sessions.calls.slice(before).map(({ method }) => method)).toEqual(["commit"]);
    expect(session).toMatchObject({ messages: [user("ciao")], ...state });
    expect(await sessions.open().getOrCreate(session.id)).toEqual(copyOf(session));
  });

  it("by an ID alone needs no session", async () => {
    const sessions = await open();
    const { id } = await sessions.open().getOrCreate();
    await sessions.open().append(id, user("1"));
    await sessions.open().append(id, user("2"), { step: "contact" });
    expect(await sessions.said(id)).toEqual(["1", "2"]);
    expect((await sessions.read(id)).metadata).toEqual({ source: "chatbot_widget", step: "contact" });
  });

  it("what is absent from the state stays, in the store and in the object", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    Object.assign(session, { step: "contact", leadData: { a: 1 } });
    await store.save(session);
    await store.append(session, user("1"), { context: { b: 2 }, step: undefined });
    expect(session).toMatchObject({ step: "contact", context: { b: 2 }, leadData: { a: 1 } });
    expect((await sessions.read(session.id)).metadata).toMatchObject({ step: "contact", context: { b: 2 }, leadData: { a: 1 } });
  });

  it("what was said and not yet saved is still saved, and nothing is doubled", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    session.messages.push(user("1"));
    await store.save(session);
    session.messages.push(user("3"));
    await store.append(session, user("2"));
    expect(session.messages).toEqual(["1", "2", "3"].map(user));
    await store.append(session, user("4"));
    await Promise.all([store.save(session), store.append(session, user("5")), store.save(session)]);
    session.messages = [...session.messages.slice(-1), user("6")];
    await store.append(session, user("7"));
    await store.save(session);
    expect(await sessions.said(session.id)).toEqual(["1", "2", "4", "3", "5", "7", "6"]);
  });

  it("also in an object that was trimmed since, and is as long as before", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    session.messages.push(...["1", "2"].map(user));
    await store.save(session);
    session.messages = ["2", "4"].map(user);
    await store.append(session, user("3"));
    expect(session.messages).toEqual(["2", "3", "4"].map(user));
    await store.save(session);
    expect(await sessions.said(session.id)).toEqual(["1", "2", "3", "4"]);
  });

  it("a copy gets the message at its end, and can be saved", async () => {
    const sessions = await open();
    const store = sessions.open();
    const copy = copyOf(await store.getOrCreate());
    await store.append(copy, user("1"));
    copy.messages.push(user("2"));
    await store.save(copy);
    expect(await sessions.said(copy.id)).toEqual(["1", "2"]);
  });

  it("a message with an id that is a repeat is neither stored nor held twice", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    for (let i = 0; i < 2; i++) await store.append(session, { id: "m1", content: "1" });
    await store.save(session);
    expect(session.messages).toHaveLength(1);
    expect(await sessions.said(session.id)).toEqual(["1"]);
  });

  it("rejects as the manager does, and the object stays as it is", async () => {
    const sessions = await open();
    const store = sessions.open();
    const session = await store.getOrCreate();
    const held = copyOf(session);
    sessions.down();
    await expect(store.append(session, user("1"), { step: "x" })).rejects.toThrow(StoreUnavailableError);
    sessions.up();
    expect(session).toEqual(held);
    await expect(store.append("undefined", user("1"))).rejects.toThrow(InvalidConversationIdError);
    await expect(store.append(sessions.unknownId, user("1"))).rejects.toThrow(ConversationNotFoundError);
    await expect(store.append(session, "text" as never)).rejects.toThrow("must be a JSON object");
    await sessions.manager.eraseConversation(session.id);
    await expect(store.append(session, user("1"))).rejects.toThrow(GoneError);
    expect(session).toEqual(held);
  });
});
