import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ExportLine } from "../../src/core/transfer.ts";
import { itera, startItera } from "../processes.ts";
import { startKillable } from "./crashing-server.ts";
import { createLedger } from "./ledger.ts";
import { createRequests, ok } from "./requests.ts";
import { integrityOf, listAll } from "./stored.ts";
import { createWire, type Answer } from "./wire.ts";

/** Nearly six seconds; twice that for what was written to. What is to stay is extended. */
const ENV = { CONVERSATION_TTL_HOURS: "0.0008", LOG_LEVEL: "error" };
const LIFE_MS = 2 * 0.0008 * 3_600_000;

const GROUP = 40;
const MESSAGES = 5;
/** How many requests are under way when the server is killed. */
const AT_ONCE = 12;
const KILLED_SWEEPS = 6;
/** Stands for what was said in what is erased and wiped. */
const CANARY = "canary";

/** What becomes of each of the groups. */
const FATES = ["archived", "erased", "wiped", "swept", "kept"] as const;
type Fate = (typeof FATES)[number];

/** The request that brings a conversation to its end. Sent again it finds what it has done. */
const ENDINGS: Partial<Record<Fate, [method: string, path: string, body?: object]>> = {
  archived: ["DELETE", "?reason=enough"],
  erased: ["POST", "/erase", { reason: "asked for" }],
  wiped: ["DELETE", "?preserveData=false"],
};

/** What the list and the events say in the end. */
const STATUS: Record<Fate, string> = { archived: "archived", erased: "deleted", wiped: "archived", swept: "archived", kept: "active" };
const EVENTS: Partial<Record<Fate, string[]>> = {
  archived: ["created", "extended", "archived"],
  wiped: ["created", "extended", "archived", "wiped"],
  swept: ["created", "archived"],
  kept: ["created", "extended"],
};

interface Data {
  status: string;
  archiveReason?: string;
  messageCount: number;
  messages: { content: string }[];
}

describe("a server that is killed while it archives, sweeps, wipes and erases", () => {
  it("leaves every conversation readable in one way, never in half, and finishes what it began", { timeout: 400_000 }, async () => {
    const server = await startKillable(ENV);
    const folder = server.folder();
    const wire = createWire();
    const { create, append, on } = createRequests(wire, server.url, createLedger());
    const fates = new Map<string, Fate>();
    const said = (id: string): string[] => {
      const secret = fates.get(id) === "erased" || fates.get(id) === "wiped";
      return Array.from({ length: MESSAGES }, (_, n) => `${n} ${secret ? CANARY : "of"} ${id}`);
    };
    const of = (...wanted: Fate[]): string[] => [...fates].filter(([, fate]) => wanted.includes(fate)).map(([id]) => id);

    await Promise.all(
      Array.from({ length: FATES.length * GROUP }, async (_, n) => {
        const id = await create();
        fates.set(id, FATES[n % FATES.length]!);
        if (fates.get(id) !== "swept") ok(await on(id, "PUT", "/extend", { extensionHours: 24 }));
        for (const content of said(id)) await append(id, content);
      }),
    );
    await sleep(LIFE_MS);
    for (let n = 0; n < KILLED_SWEEPS; n++) {
      const sweeping = startItera(["sweep"], { folder, env: ENV });
      await Promise.race([sleep(randomInt(250, 600)), sweeping.ended]);
      sweeping.child.kill("SIGKILL");
      await sweeping.ended;
    }

    const todo = new Set(of("archived", "erased", "wiped"));
    const receipts = new Map<string, unknown>();
    let kills = 0;
    async function end(id: string): Promise<void> {
      const answer = await on(id, ...ENDINGS[fates.get(id)!]!);
      receipts.set(id, ok(answer).json<{ receipt?: unknown }>().receipt);
      todo.delete(id);
    }
    while (todo.size > 0) {
      const some = [...todo].slice(0, AT_ONCE);
      const batch = Promise.allSettled(some.map(end));
      // By turns when some are answered, and at no particular moment.
      const answered = kills % 2 === 0 ? randomInt(1, some.length + 1) : 0;
      while (some.filter((id) => !todo.has(id)).length < answered) await sleep(1);
      await sleep(randomInt(20));
      await server.crash();
      kills++;
      const failures = (await batch).flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
      // What was answered was 200; what was cut comes again.
      expect(failures.filter((failure) => failure.includes("answered"))).toEqual([]);
      await server.start();
    }
    console.log(`killed ${KILLED_SWEEPS} sweeps, and the server ${kills} times, while ${fates.size} conversations came to their end`);

    // What the server does every minute is done every two seconds here; what a killed sweep had taken is free after one minute.
    const states = async (): Promise<unknown> => {
      await sleep(2000);
      expect(await itera(["sweep"], { folder, env: ENV })).toMatchObject({ code: 0, stderr: "" });
      return (await listAll(wire, server.url())).map(({ id, status, messageCount }) => `${id} ${status} ${messageCount}`).toSorted();
    };
    const finished = [...fates].map(([id, fate]) => `${id} ${STATUS[fate]} ${MESSAGES}`);
    await expect.poll(states, { timeout: 180_000 }).toEqual(finished.toSorted());

    const read = async (id: string): Promise<Data> => ok(await on(id, "GET", "?touch=false")).json<{ data: Data }>().data;
    const contents = ({ messages }: Data): string[] => messages.map(({ content }) => content);
    for (const id of of("archived", "swept", "kept")) expect(contents(await read(id))).toEqual(said(id));
    for (const id of of("swept")) expect(await read(id)).toMatchObject({ archiveReason: "expired" });
    for (const id of of("archived")) expect(await read(id)).toMatchObject({ archiveReason: "enough" });
    for (const id of of("wiped")) expect(await read(id)).toMatchObject({ messageCount: MESSAGES, messages: [], metadata: {} });
    for (const id of of("erased")) {
      const answers: Answer[] = await Promise.all(["", "?touch=false", "/messages"].map((path) => on(id, "GET", path)));
      expect(answers.map(({ status }) => status)).toEqual([410, 410, 410]);
    }
    for (const id of of("erased", "wiped")) {
      expect(receipts.get(id)).toMatchObject({ id, removed: {} });
      const again = ok(await on(id, ...ENDINGS[fates.get(id)!]!)).json<{ receipt?: unknown }>();
      expect(again.receipt).toEqual(receipts.get(id));
    }
    const events = async (id: string): Promise<unknown[]> => {
      const { data } = ok(await on(id, "GET", "/events")).json<{ data: { event: string }[] }>();
      // The server may have found the time to say that some are about to expire.
      return [id, ...data.map(({ event }) => event).filter((event) => event !== "expiring")];
    };
    const told = of("archived", "wiped", "swept", "kept");
    const wanted = told.map((id) => [id, ...EVENTS[fates.get(id)!]!]);
    // What a killed server was passing on is passed on again after half a minute.
    await expect.poll(() => Promise.all(told.map(events)), { timeout: 90_000, interval: 1000 }).toEqual(wanted);

    const { stdout } = await itera(["export"], { folder, env: ENV });
    const exported = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as ExportLine)
      .filter(({ messages }) => messages.length > 0)
      .map(({ id, messages }) => [id, ...messages.map(({ content }) => content as string)].join("\n"));
    const whole = of("archived", "swept", "kept").map((id) => [id, ...said(id)].join("\n"));
    expect(exported.toSorted()).toEqual(whole.toSorted());

    const files = ["conversations.db", "conversations.db-wal"].map((file) => join(folder, "data", file)).filter((path) => existsSync(path));
    const leftOver = (): boolean[] => files.map((path) => readFileSync(path).includes(CANARY));
    await expect.poll(leftOver, { timeout: 90_000, interval: 500 }).toEqual(files.map(() => false));
    await append(of("kept")[0]!, "and it goes on");
    expect(integrityOf(files[0]!)).toBe("ok");
  });
});
