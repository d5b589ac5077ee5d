// Erasure by name, on every store: what was erased is nowhere that a port can tell of, and nothing that runs at the same time brings it back.
// What engines' files hold of it: `sqlite-erasure.test.ts`, `redis-durability.test.ts`, `stored-on-servers.test.ts`.

import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { copyStores } from "../../src/core/copy.ts";
import type { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import { createSessionStore } from "../../src/sessions/index.ts";
import { interruptedStores, type FullStores } from "../faulty-stores.ts";
import { everythingIn } from "../manager/everything-in.ts";
import { collect, HOUR, onEveryStore, type World } from "../manager/worlds.ts";
import { caseTable, type Case } from "./case-table.ts";

const CANARY = "canarino";
const CONTENT = {
  metadata: { source: "web", email: "ada@example.org", note: CANARY, context: { c: CANARY }, leadData: { name: CANARY } },
  messages: [{ role: "user", content: `sono ${CANARY}` }, { content: "secondo" }],
};

/** `done`, or the code of its error. */
async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  }
}

const nowhere = async (stores: FullStores): Promise<string> => ((await everythingIn(stores)).includes(CANARY) ? "somewhere" : "nowhere");

/** Something that goes on over stores, and what is made ready for it. */
interface Job {
  readonly ready: (world: World) => Promise<string>;
  readonly run: (over: ConversationManager, id: string, stores: Stores, target: FullStores) => Promise<unknown>;
}

const begun = async ({ manager }: World): Promise<string> => (await manager.createConversation(CONTENT)).id;

const JOBS: Readonly<Record<string, Job>> = {
  "a sweep that archives it": {
    async ready(world) {
      const id = await begun(world);
      world.clock.pass(60 * HOUR);
      return id;
    },
    run: (over) => over.sweep(),
  },
  "a sweep that moves it to the archive": {
    async ready(world) {
      const id = await begun(world);
      await world.manager.archiveConversation(id);
      world.clock.pass(26 * HOUR);
      return id;
    },
    run: (over) => over.sweep(),
  },
  "its archiving": { ready: begun, run: (over, id) => over.archiveConversation(id).then(() => over.deliver()) },
  "an append": { ready: begun, run: (over, id) => over.appendMessages(id, [{ content: CANARY }]).then(() => over.deliver()) },
  "bringing it back from the archive": {
    async ready(world) {
      const id = await begun(world);
      await world.moveToArchive(id);
      return id;
    },
    run: (over, id) => over.appendMessages(id, [{ content: CANARY }]).then(() => over.deliver()),
  },
  "an import of it": {
    async ready(world) {
      const id = await begun(world);
      await world.manager.archiveConversation(id);
      return id;
    },
    run: async (over, id) => over.importConversation({ id, created: "2025-01-25T14:30:52.000Z", ...CONTENT }),
  },
  "a copy to other stores, and the next one": {
    ready: begun,
    async run(_, __, stores, target) {
      await copyStores(stores, target, { name: "copy" });
    },
  },
};

/** So many calls at most are interrupted, the rest of a job being like them. */
const MOST = 40;
/** Before every call in memory; on an engine, where each takes a day's sweeps, before every so many of them. */
const EVERY = Number(process.env["ERASE_EVERY"] ?? 3);

/** Erases it before each call of a job in turn, and once after all; where it is somewhere afterwards is an answer of its own. */
async function erasedBefore(world: World, job: Job, every: number): Promise<string> {
  const left: number[] = [];
  for (let at = 0; at < MOST; at += every) {
    const id = await job.ready(world);
    const target = memoryStores({ clock: world.clock.now });
    let seen = 0;
    const stores = interruptedStores(world.stores, async () => {
      if (seen++ === at) await world.manager.eraseConversation(id);
    });
    // It may find it gone, or in conflict, at any place; what counts is what is left.
    await outcome(job.run(world.over(stores), id, stores, target));
    const through = seen <= at;
    if (through) await world.manager.eraseConversation(id);
    await world.pass(30 * HOUR);
    await copyStores(world.stores, target, { name: "copy" });
    const read = await outcome(world.manager.peekConversation(id));
    if (read !== "gone" || (await nowhere(world.stores)) !== "nowhere" || (await nowhere(target)) !== "nowhere") left.push(at);
    if (through) return left.length === 0 && at > 0 ? "gone, before whichever call" : `of ${at} calls, left before call ${left.join(", ")}`;
  }
  return left.length === 0 ? "gone, before whichever call" : `left before call ${left.join(", ")}`;
}

onEveryStore("erasing by name", (open, name) => {
  const cases: Case[] = [
    {
      name: "the receipt: what, when, from where, by when it is overwritten, when the last backup ends",
      expected: "erased now, hot 2, archive 2, backups end in 720 h, a time or nothing for the files",
      async got() {
        const { manager, clock } = await open({ backupRetentionDays: 30 });
        const { id } = await manager.createConversation(CONTENT);
        await manager.archiveConversation(id);
        const receipt = await manager.eraseConversation(id);
        const { action, at, removed, backupsExpireAt, overwrittenBy } = receipt;
        const files = overwrittenBy === null || overwrittenBy >= at ? "a time or nothing" : "a time before";
        const when = at === clock.iso() ? "now" : at;
        const hours = (Date.parse(backupsExpireAt!) - clock.now()) / HOUR;
        return `${action} ${when}, hot ${removed.hot}, archive ${removed.archive}, backups end in ${hours} h, ${files} for the files`;
      },
    },
    {
      name: "a tombstone, and a line of the erasure log",
      expected: "gone, logged, listed as deleted alone",
      async got() {
        const { manager, stores } = await open();
        const id = (await manager.createConversation(CONTENT)).id;
        await manager.eraseConversation(id);
        await manager.deliver();
        const logged = (await stores.archive.erasures(0, 10)).some((entry) => entry.id === id) && (await stores.archive.erased(id));
        const [plain, deleted] = [await manager.listConversations(), await manager.listConversations({ status: ["deleted"] })];
        const listed = plain.data.length === 0 && deleted.data.length === 1 ? "listed as deleted alone" : "listed";
        return `${await outcome(manager.getConversation(id))}, ${logged ? "logged" : "not logged"}, ${listed}`;
      },
    },
    {
      name: "in live store, archive, search index, entries, outbox, events and records",
      expected: "somewhere before, nowhere at once, nowhere a day later",
      async got() {
        const { manager, stores, pass } = await open();
        const { id } = await manager.createConversation(CONTENT, { idempotencyKey: "c" });
        await manager.appendMessages(id, [{ content: CANARY }], { idempotencyKey: "a", state: { step: CANARY } });
        await manager.archiveConversation(id);
        const before = await nowhere(stores);
        await manager.eraseConversation(id);
        const [at, later] = [await nowhere(stores), (await pass(30 * HOUR), await nowhere(stores))];
        return `${before} before, ${at} at once, ${later} a day later`;
      },
    },
    {
      name: "late ones: a put, an entry, a retry, a creation under the same key, an import",
      expected: "erased, gone, gone, gone, nowhere",
      async got() {
        const { manager, stores, pass } = await open();
        const { id } = await manager.createConversation(CONTENT, { idempotencyKey: "c" });
        await manager.appendMessages(id, [{ content: CANARY }], { idempotencyKey: "a" });
        await manager.archiveConversation(id);
        const slow = (await stores.hot.read(id, Infinity))!;
        const [line] = await collect(manager.exportConversations());
        await manager.eraseConversation(id);
        const put = await stores.archive.put(slow);
        await stores.directory.index(slow.head, { after: 0, messages: [{ seq: 1, text: CANARY }] });
        const others = [
          await outcome(manager.appendMessages(id, [{ content: CANARY }], { idempotencyKey: "a" })),
          await outcome(manager.createConversation(CONTENT, { idempotencyKey: "c" })),
          await outcome(manager.importConversation(line!)),
        ];
        await pass(30 * HOUR);
        return [put, ...others, await nowhere(stores)].join(", ");
      },
    },
    {
      name: "bare session keys: adopted, then erased",
      expected: "there while it lies bare, not there after adoption, nothing written after erasing",
      async got() {
        const { manager } = await open();
        const bare = new Map<string, string>();
        let down = true;
        const failing = new Proxy(manager, {
          get: (target, method, receiver) => {
            const member: unknown = Reflect.get(target, method, receiver);
            if (typeof member !== "function") return member;
            return (...parts: unknown[]) => (down ? Promise.reject(new Error("down")) : Reflect.apply(member, target, parts));
          },
        });
        const sessions = createSessionStore(failing, {
          bare: {
            get: async (key) => bare.get(key),
            put: async (key, value) => bare.set(key, value),
            delete: async (key) => bare.delete(key),
          },
        });
        const held = (): boolean => [...bare.values()].some((text) => text.includes(CANARY));
        const session = await sessions.getOrCreate();
        session.messages.push({ role: "user", content: CANARY });
        await sessions.save(session);
        const lying = held();
        down = false;
        const adopted = await sessions.getOrCreate(session.id);
        const after = held();
        await manager.eraseConversation(adopted.id);
        adopted.messages.push({ role: "user", content: CANARY });
        await sessions.save(adopted);
        return [
          `${lying ? "there" : "not there"} while it lies bare`,
          `${after ? "there" : "not there"} after adoption`,
          held() ? "something written after erasing" : "nothing written after erasing",
        ].join(", ");
      },
    },
    ...(["in the hot store", "in the archive alone"] as const).map((place): Case => ({
      name: `a legal hold on what is ${place}: wiping, erasing, erasing its person, purging`,
      expected: "conflict, conflict, kept, kept; released: erased",
      async got() {
        const { manager, clock, pass, moveToArchive } = await open({ retentionYears: 1 });
        const { id } = await manager.createConversation(CONTENT);
        if (place === "in the archive alone") await moveToArchive(id);
        await manager.hold(id, "court");
        const wiped = await outcome(manager.archiveConversation(id, "x", { preserveData: false }));
        const erased = await outcome(manager.eraseConversation(id));
        const [person] = await manager.eraseSubject({ key: "email", value: "ada@example.org" });
        await manager.archiveConversation(id);
        await pass(26 * HOUR);
        clock.pass(2 * 366 * 24 * HOUR);
        await manager.purge();
        const kept = (await manager.peekConversation(id))?.messages.length === 2 ? "kept" : "lost";
        await manager.release(id, "settled");
        const { action } = await manager.eraseConversation(id);
        return `${wiped}, ${erased}, ${person?.receipt === undefined ? "kept" : "erased"}, ${kept}; released: ${action}`;
      },
    })),
    {
      name: "erasing a person: a dry run changes nothing, then all of them go, and nobody else",
      expected: "2 found, 3 there; 2 erased, 1 there",
      async got() {
        const { manager } = await open();
        const ids: string[] = [];
        for (const email of [" Ada@Example.org", "ada@example.org", "grace@example.org"])
          ids.push((await manager.createConversation({ ...CONTENT, metadata: { email } })).id);
        const there = async (): Promise<number> =>
          (await Promise.all(ids.map((id) => outcome(manager.peekConversation(id))))).filter((each) => each === "done").length;
        const found = await manager.eraseSubject({ key: "email", value: "ada@example.org", dryRun: true });
        const before = await there();
        const erased = await manager.eraseSubject({ key: "email", value: "ada@example.org" });
        return `${found.length} found, ${before} there; ${erased.length} erased, ${await there()} there`;
      },
    },
    ...Object.entries(JOBS).map(([what, job]): Case => ({
      name: `erased before each call of ${what}`,
      expected: "gone, before whichever call",
      got: async () => erasedBefore(await open(), job, name.startsWith("memory") ? 1 : EVERY),
    })),
  ];
  caseTable(`Erasure, ${name}`, cases);
});
