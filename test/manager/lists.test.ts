// Lists and analytics: what the directory answers.

import { describe, expect, it } from "vitest";
import type { ListQuery } from "../../src/core/conversations.ts";
import { InvalidInputError, NotSupportedError } from "../../src/core/errors.ts";
import { DAY, HOUR, MINUTE, onEveryStore, START, type World } from "./worlds.ts";

async function idsOf({ manager }: World, query: ListQuery = {}): Promise<string[]> {
  await manager.deliver();
  return (await manager.listConversations(query)).data.map(({ id }) => id);
}

onEveryStore("lists", (open) => {
  it("are newest first, page by page, each conversation once, though new ones come in between", async () => {
    const world = await open();
    const { manager, clock } = world;
    const made: string[] = [];
    for (let i = 0; i < 60; i++) {
      clock.pass(1000);
      made.unshift((await manager.createConversation()).id);
    }
    await manager.deliver();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await manager.listConversations({ ...(cursor === null ? {} : { cursor }), limit: 7 });
      expect(page.data.length).toBeLessThanOrEqual(7);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
      clock.pass(1000);
      await manager.createConversation();
      await manager.deliver();
    } while (cursor !== null);
    expect(seen).toEqual(made);
    expect((await manager.listConversations()).data).toHaveLength(25);
  });

  it("go through a span page by page too", async () => {
    const world = await open();
    const made: string[] = [];
    for (let i = 0; i < 9; i++) {
      made.unshift((await world.manager.createConversation()).id);
      world.clock.pass(HOUR);
    }
    await world.manager.deliver();
    const span = { from: new Date(START + 2 * HOUR).toISOString(), to: new Date(START + 7 * HOUR).toISOString(), limit: 2 };
    const seen: string[] = [];
    let page = await world.manager.listConversations(span);
    for (seen.push(...page.data.map(({ id }) => id)); page.nextCursor !== null; seen.push(...page.data.map(({ id }) => id))) {
      page = await world.manager.listConversations({ ...span, cursor: page.nextCursor });
    }
    expect(seen).toEqual(made.slice(2, 7));
    expect((await world.manager.listConversations({ ...span, cursor: made[0]! })).data.map(({ id }) => id)).toEqual(made.slice(2, 4));
  });

  it("give entries: the conversation without messages, with source and environment", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation({ metadata: { source: "widget", context: { a: 1 } }, messages: [{ n: 1 }] });
    await manager.archiveConversation(id, "manual");
    await manager.deliver();
    const { messages, ...rest } = (await manager.peekConversation(id))!;
    expect(messages).toHaveLength(1);
    expect((await manager.listConversations()).data).toEqual([{ ...rest, source: "widget", environment: "D" }]);
  });

  it("know a new conversation, its counts and its status once they were passed on", async () => {
    const world = await open();
    const { manager } = world;
    const { id } = await manager.createConversation();
    await manager.appendMessages(id, [{ n: 1 }, { n: 2 }]);
    await manager.completeConversation(id);
    await manager.sweep();
    expect((await manager.listConversations()).data).toMatchObject([{ id, source: "unknown", messageCount: 2, status: "completed" }]);
  });

  it("filter by stored status, source, environment and creation, deleted only when asked for", async () => {
    const world = await open();
    const { manager, over, clock } = world;
    const ids: Record<string, string> = {};
    for (const [name, environment, source] of [
      ["active", "D", "a"],
      ["completed", "P", "a"],
      ["archived", "S", "b"],
      ["deleted", "P", "b"],
    ] as const) {
      ids[name] = (await over(undefined, { environment }).createConversation({ metadata: { source } })).id;
      clock.pass(HOUR);
    }
    await manager.completeConversation(ids["completed"]!);
    await manager.archiveConversation(ids["archived"]!);
    await manager.eraseConversation(ids["deleted"]!);
    const { active, completed, archived, deleted } = ids as Record<"active" | "completed" | "archived" | "deleted", string>;
    const at = (hours: number) => new Date(START + hours * HOUR).toISOString();
    const expected: [ListQuery, string[]][] = [
      [{}, [archived, completed, active]],
      [{ status: [] }, [archived, completed, active]],
      [{ status: ["active", "deleted", "active"] }, [deleted, active]],
      [{ status: ["archived"] }, [archived]],
      [{ source: "a" }, [completed, active]],
      [{ source: "none" }, []],
      [{ environment: "production" }, [completed]],
      [{ environment: "P", status: ["completed", "deleted"] }, [deleted, completed]],
      [{ environment: "d" }, [active]],
      [{ environment: "Staging" }, [archived]],
      [{ from: at(1) }, [archived, completed]],
      [{ to: at(1) }, [active]],
      [{ from: at(1), to: at(2) }, [completed]],
      [{ from: "2025-01-25", to: "2025-01-26" }, [archived, completed, active]],
      [{ from: "2025-01-26" }, []],
      [{ from: "2025-01-25T17:30:52+02:00", to: "2025-01-25T16:30:53Z" }, [archived, completed]],
      [{ from: at(1), to: at(1) }, []],
      [{ from: "2025-01-25T14:30:52.001Z", to: at(1) }, []],
      [{ to: "2025-01-25T14:30:52.001Z" }, [active]],
    ];
    for (const [query, found] of expected) expect(await idsOf(world, query), JSON.stringify(query)).toEqual(found);
  });

  it("show what has expired with its stored status", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation();
    world.clock.pass(30 * HOUR);
    expect(await idsOf(world, { status: ["active"] })).toEqual([id]);
    await world.manager.sweep();
    expect(await idsOf(world, { status: ["archived"] })).toEqual([id]);
  });

  it("refuse what is out of range or no filter at all", async () => {
    const { manager } = await open();
    const queries: ListQuery[] = [
      { limit: 0 },
      { limit: 101 },
      { limit: 2.5 },
      { limit: "10" as unknown as number },
      { status: ["open" as "active"] },
      { status: "active" as unknown as ["active"] },
      { environment: "test" },
      { source: "s".repeat(65) },
      { from: "2025-02-30" },
      { from: "yesterday" },
      { from: "2025-01-25T10:00" },
      { to: "2025-13-01" },
      { to: 5 as unknown as string },
      { from: "2025-01-26", to: "2025-01-25" },
      { cursor: "nonsense" },
      { cursor: "" },
      { q: "" },
      { q: " .,;! " },
      { q: "x".repeat(201) },
      { q: "a\0b" },
    ];
    for (const query of queries) {
      await expect(manager.listConversations(query), JSON.stringify(query)).rejects.toThrow(InvalidInputError);
    }
  });

  it("need a directory", async () => {
    const { stores, over } = await open();
    const manager = over({ ...stores, directory: null });
    const { id } = await manager.createConversation({ messages: [{ n: 1 }] });
    await expect(manager.listConversations()).rejects.toThrow(NotSupportedError);
    await expect(manager.analytics()).rejects.toThrow(NotSupportedError);
    await expect(manager.events(id)).rejects.toThrow(NotSupportedError);
    expect(await manager.listMessages(id)).toMatchObject({ data: [{ seq: 1 }] });
    await manager.sweep();
  });
});

onEveryStore("analytics", (open) => {
  it("count by UTC day of creation, days without chats with zeros, an average of none being null", async () => {
    const world = await open();
    const { manager, clock } = world;
    const zero = { total: 0, completed: 0, archived: 0, averageMessages: null, averageDurationSeconds: null, bySource: {} };
    const first = await manager.createConversation({ metadata: { source: "a" }, messages: [{ n: 1 }, { n: 2 }] });
    await manager.createConversation({ metadata: { source: "__proto__" } });
    clock.pass(10 * MINUTE);
    await manager.appendMessages(first.id, [{ n: 3 }, { n: 4 }]);
    await manager.completeConversation(first.id);
    await manager.reopenConversation(first.id);
    await manager.archiveConversation(first.id);
    clock.pass(2 * DAY);
    const third = await manager.createConversation({ metadata: { source: "a" } });
    await manager.deliver();
    const { days, totals, live } = await manager.analytics({ from: "2025-01-24", to: "2025-01-27" });
    const bySource = JSON.parse(`{"a": 1, "__proto__": 1}`) as object;
    expect(days).toEqual([
      { date: "2025-01-24", ...zero },
      { date: "2025-01-25", total: 2, completed: 1, archived: 1, averageMessages: 2, averageDurationSeconds: 300, bySource },
      { date: "2025-01-26", ...zero },
      { date: "2025-01-27", ...zero, total: 1, averageMessages: 0, averageDurationSeconds: 0, bySource: { a: 1 } },
    ]);
    expect(totals).toMatchObject({ total: 3, completed: 1, archived: 1, averageDurationSeconds: 200 });
    expect(totals.averageMessages).toBeCloseTo(4 / 3);
    expect(live).toBe(2);
    await manager.eraseConversation(third.id);
    await manager.deliver();
    expect(await manager.analytics()).toMatchObject({ totals: { total: 3 }, live: 1 });
  });

  it("are of the last 30 days by default, both days inclusive", async () => {
    const { manager } = await open();
    const { days } = await manager.analytics();
    expect(days).toHaveLength(30);
    expect([days[0]?.date, days.at(-1)?.date]).toEqual(["2024-12-27", "2025-01-25"]);
    expect((await manager.analytics({ to: "2024-03-01" })).days.map(({ date }) => date).slice(-2)).toEqual(["2024-02-29", "2024-03-01"]);
    expect((await manager.analytics({ from: "2025-01-25" })).days).toHaveLength(1);
  });

  describe("span", () => {
    it("at most 366 days, in order", async () => {
      const { manager } = await open();
      expect((await manager.analytics({ from: "2024-01-01", to: "2024-12-31" })).days).toHaveLength(366);
      for (const query of [
        { from: "2024-01-01", to: "2025-01-01" },
        { from: "2025-01-02", to: "2025-01-01" },
        { from: "x" },
        { to: "2025-02-29" },
      ]) {
        await expect(manager.analytics(query)).rejects.toThrow(InvalidInputError);
      }
    });
  });
});
