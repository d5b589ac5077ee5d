// Many at once: nothing is lost, nothing is doubled, and of those that expect a version one wins.

import { expect, it } from "vitest";
import { VersionMismatchError } from "../../src/core/errors.ts";
import { unhurriedStores } from "../faulty-stores.ts";
import { DAY, HOUR, onEveryStore, type World } from "./worlds.ts";

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Several servers over the same stores. */
const servers = ({ over, stores }: World) => [1, 2, 3].map((seed) => over(unhurriedStores(stores, seed)));

onEveryStore("many at once", (open) => {
  it("of 50 appends all are there, each once, in one order, without a gap", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation();
    const managers = servers(world);
    const answers = await Promise.all(
      times(50, (i) =>
        managers[i % 3]!.appendMessages(id, [
          { by: i, n: 1 },
          { by: i, n: 2 },
        ]),
      ),
    );
    const { messages, version } = (await world.manager.peekConversation(id))!;
    expect(messages).toHaveLength(100);
    expect(version).toBe(51);
    for (const [i, { messages: placed }] of answers.entries()) {
      const [first, second] = placed.map(({ seq }) => seq);
      expect(messages[first! - 1]).toEqual({ by: i, n: 1 });
      expect(second).toBe(first! + 1);
    }
  });

  it("of 50 updates with the same expected version one wins", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation();
    const managers = servers(world);
    const answers = await Promise.allSettled(
      times(50, (i) => managers[i % 3]!.updateConversation(id, { metadata: { winner: i } }, { expectedVersion: 1 })),
    );
    const won = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.metadata["winner"]] : []));
    const lost = answers.filter((answer) => answer.status === "rejected" && answer.reason instanceof VersionMismatchError);
    expect([won.length, lost.length]).toEqual([1, 49]);
    expect(await world.manager.peekConversation(id)).toMatchObject({ version: 2, metadata: { winner: won[0] } });
  });

  it("of 50 merges of metadata all are there, and of as many appends between them", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation();
    const managers = servers(world);
    await Promise.all(
      times(50, async (i) => {
        await managers[i % 3]!.updateConversation(id, { metadata: { [`k${i}`]: i, nested: { [`n${i}`]: i } } });
        await managers[(i + 1) % 3]!.appendMessages(id, [{ i }]);
      }),
    );
    const { metadata, messageCount, version } = (await world.manager.peekConversation(id))!;
    expect(Object.keys(metadata)).toHaveLength(51);
    expect(Object.keys(metadata["nested"] as object)).toHaveLength(50);
    expect([messageCount, version]).toEqual([50, 101]);
  });

  it("of whole transcripts that begin with what is stored, one is appended, the others are told so", async () => {
    const world = await open();
    const { id } = await world.manager.createConversation({ messages: [{ n: 0 }] });
    const managers = servers(world);
    const answers = await Promise.allSettled(
      times(20, (i) => managers[i % 3]!.updateConversation(id, { messages: [{ n: 0 }, { by: i }], messageCount: 2 })),
    );
    const codes = answers.map((answer) => (answer.status === "fulfilled" ? "done" : (answer.reason as { code: string }).code));
    expect(codes.filter((code) => code === "done")).toHaveLength(1);
    expect(codes.filter((code) => code === "conflict")).toHaveLength(19);
    expect((await world.manager.peekConversation(id))?.messageCount).toBe(2);
  });

  it("appends during archiving are stored once, and the conversation is active or archived after them, as its events say", async () => {
    const world = await open();
    const managers = servers(world);
    for (let round = 0; round < 20; round++) {
      const { id } = await world.manager.createConversation();
      await Promise.all([
        managers[0]!.appendMessages(id, [{ n: 1 }]),
        managers[1]!.archiveConversation(id),
        managers[2]!.appendMessages(id, [{ n: 2 }]),
        managers[1]!.appendMessages(id, [{ n: 3 }], { state: { step: "x" } }),
        managers[0]!.sweep(),
      ]);
      const { status, messages } = (await world.manager.peekConversation(id))!;
      expect(messages).toHaveLength(3);
      expect(new Set(messages.map(({ n }) => n))).toEqual(new Set([1, 2, 3]));
      const kept = await world.kept(id);
      expect(kept.filter((event) => event === "archived")).toHaveLength(1);
      expect(status).toBe(kept.at(-1) === "reactivated" ? "active" : "archived");
      await world.manager.archiveConversation(id);
      expect((await world.stores.archive.read(id, Infinity))?.messages).toHaveLength(3);
    }
  });

  it("appends while it is swept and moved lose nothing", async () => {
    const world = await open();
    const managers = servers(world);
    const made = await Promise.all(times(20, () => world.manager.createConversation({ messages: [{ n: 0 }] })));
    for (let round = 1; round <= 4; round++) {
      world.clock.pass(49 * HOUR);
      await Promise.all([
        ...managers.map((manager) => manager.sweep()),
        ...made.map(({ id }, i) => managers[i % 3]!.appendMessages(id, [{ n: round }])),
      ]);
      world.clock.pass(49 * HOUR);
      await world.manager.sweep();
      world.clock.pass(25 * HOUR);
      await Promise.all([
        ...managers.map((manager) => manager.sweep()),
        ...made.slice(10).map(({ id }) => managers[0]!.appendMessages(id, [{ late: round }])),
      ]);
    }
    for (const [i, { id }] of made.entries()) {
      const { messages } = (await world.manager.peekConversation(id))!;
      expect(messages.filter(({ n }) => n !== undefined)).toEqual(times(5, (n) => ({ n })));
      expect(messages.filter(({ late }) => late !== undefined)).toHaveLength(i < 10 ? 0 : 4);
    }
  });

  it("two sweeps archive, warn and move each conversation once", async () => {
    const world = await open();
    const managers = servers(world);
    await Promise.all(times(250, () => world.manager.createConversation()));
    const sweepAll = async () => {
      const results = await Promise.all(managers.map((manager) => manager.sweep()));
      const sum = (of: "archived" | "warned" | "moved") => results.reduce((total, result) => total + result[of], 0);
      return { archived: sum("archived"), warned: sum("warned"), moved: sum("moved") };
    };
    world.clock.pass(23 * HOUR);
    expect(await sweepAll()).toEqual({ archived: 0, warned: 250, moved: 0 });
    world.clock.pass(HOUR);
    expect(await sweepAll()).toEqual({ archived: 250, warned: 0, moved: 0 });
    world.clock.pass(DAY);
    expect(await sweepAll()).toEqual({ archived: 0, warned: 0, moved: 250 });
    expect(await world.stores.hot.scan(null, 10)).toEqual([]);
    for (const { id } of (await world.manager.listConversations({ limit: 100 })).data) {
      expect(await world.kept(id)).toEqual(["created", "expiring", "archived"]);
    }
  });

  it("many that come back from the archive at once find one conversation", async () => {
    const world = await open();
    const managers = servers(world);
    const { id } = await world.manager.createConversation({ messages: [{ n: 0 }] });
    await world.moveToArchive(id);
    await Promise.all([
      ...times(20, (i) => managers[i % 3]!.appendMessages(id, [{ by: i }])),
      ...times(10, (i) => managers[i % 3]!.updateConversation(id, { metadata: { [`k${i}`]: i } })),
      ...times(5, (i) => managers[i % 3]!.getConversation(id)),
    ]);
    const { messages, metadata, status } = (await world.manager.peekConversation(id))!;
    expect([messages.length, Object.keys(metadata).length, status]).toEqual([21, 10, "active"]);
    expect((await world.kept(id)).filter((event) => event === "reactivated")).toHaveLength(1);
  });

  it("wiping and erasing among writers is final", async () => {
    const world = await open();
    const managers = servers(world);
    for (let round = 0; round < 20; round++) {
      const { id } = await world.manager.createConversation({ messages: [{ n: 0 }] });
      if (round % 2 === 1) await world.moveToArchive(id);
      const writers = times(6, (i) => managers[i % 3]!.appendMessages(id, [{ by: i }]));
      const remove =
        round % 4 < 2 ? managers[1]!.eraseConversation(id) : managers[1]!.archiveConversation(id, "x", { preserveData: false });
      await Promise.allSettled([writers[0], writers[1], remove, ...writers.slice(2), managers[2]!.sweep()]);
      await remove;
      const read = await world.manager.getConversation(id).catch((error: { code: string }) => error.code);
      const left = typeof read === "string" ? read : { status: read?.status, messages: read?.messages, metadata: read?.metadata };
      expect(left).toEqual(round % 4 < 2 ? "gone" : { status: "archived", messages: [], metadata: {} });
      await world.manager.sweep();
      expect((await world.stores.archive.read(id, Infinity))?.messages).toEqual([]);
    }
  });

  it("many erasures at once answer one receipt", async () => {
    const world = await open();
    const managers = servers(world);
    const { id } = await world.manager.createConversation({ messages: [{ n: 0 }] });
    const receipts = await Promise.all(times(9, (i) => managers[i % 3]!.eraseConversation(id)));
    for (const receipt of receipts) expect(receipt).toEqual(receipts[0]);
    expect(receipts[0]?.removed).toEqual({ hot: 1, archive: 0 });
  });

  it("many reads of what has expired archive it once", async () => {
    const world = await open();
    const managers = servers(world);
    const { id } = await world.manager.createConversation({ messages: [{ n: 0 }] });
    world.clock.pass(25 * HOUR);
    const reads = await Promise.all(times(10, (i) => managers[i % 3]!.getConversation(id)));
    for (const read of reads)
      expect(read).toMatchObject({ status: "archived", archiveReason: "expired", version: 2, messages: [{ n: 0 }] });
    expect(await world.kept(id)).toEqual(["created", "archived"]);
  });
});
