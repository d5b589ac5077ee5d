// What must hold while a server of stores is frozen, killed or cuts its connections: every answer is quick, nobody dies, and all is well again soon.

import { expect, it, onTestFinished } from "vitest";
import { startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startClients } from "./appending-clients.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { createRequests } from "./requests.ts";
import { listAll, transcripts } from "./stored.ts";
import { createWire, type Answer } from "./wire.ts";

/** A server of stores that is a test's own. */
export interface Mishandled {
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Cuts every connection, and stays alive. */
  cut(): Promise<void>;
  /** How many connections it has. */
  connections(): Promise<number>;
}

/** An engine and the variables with which a server is over it. */
export interface EngineUnderFault {
  readonly engine: Mishandled;
  readonly env: Readonly<Record<string, string>>;
}

/** Answers of the store that mean "again later". */
const LATER = [503];
/** What the requirement says, and a little for a machine on which much else is going on. */
const ANSWER_MS = 3000;
const SLACK_MS = 1500;
const RECOVERY_MS = 5000;
const ROUNDS = 3;
const AT_ONCE = 12;

interface Timed {
  readonly status: number;
  readonly ms: number;
}

async function timed(run: () => Promise<Answer>): Promise<Timed> {
  const started = performance.now();
  const { status } = await run();
  return { status, ms: performance.now() - started };
}

/** Declares the tests. `open` starts an engine of the test's own. */
export function whileAway(open: () => Promise<EngineUnderFault>): void {
  async function begin() {
    const { engine, env } = await open();
    onTestFinished(() => engine.stop());
    const server = await startMain({ folder: temporaryFolder(), env: { LOG_LEVEL: "silent", ...env } });
    onTestFinished(async () => {
      server.child.kill("SIGKILL");
      await server.ended;
    });
    const wire = createWire();
    const requests = createRequests(wire, () => server.url, createLedger());
    const recovered = async (): Promise<number> => {
      const started = performance.now();
      while ((await wire.send("POST", `${server.url}/api/v1/conversations`)).status !== 200) {
        if (performance.now() - started > 30_000) throw new Error("it has not recovered within half a minute");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return performance.now() - started;
    };
    return { engine, server, wire, requests, recovered };
  }

  it(
    "a frozen one: every answer within three seconds, health tells, and all is well within five of its thaw",
    { timeout: 180_000 },
    async () => {
      const { engine, server, wire, requests, recovered } = await begin();
      const id = await requests.create();
      await requests.append(id, "before");
      const before = await engine.connections();
      engine.freeze();
      onTestFinished(() => engine.thaw());
      const all: Timed[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const answers = Array.from({ length: AT_ONCE }, (_, n) =>
          timed(() =>
            n % 2 === 0 ? requests.on(id, "GET") : requests.on(id, "POST", "/messages", { role: "user", content: `${round}-${n}` }),
          ),
        );
        all.push(...(await Promise.all(answers)));
      }
      const slowest = Math.max(...all.map(({ ms }) => ms));
      expect(new Set(all.map(({ status }) => status))).toEqual(new Set(LATER));
      expect(slowest).toBeLessThan(ANSWER_MS + SLACK_MS);
      const health = await timed(() => wire.send("GET", `${server.url}/health`));
      expect(health).toMatchObject({ status: 503 });
      expect(health.ms).toBeLessThan(ANSWER_MS);
      engine.thaw();
      const after = await recovered();
      expect(after).toBeLessThan(RECOVERY_MS + SLACK_MS);
      expect(server.child.exitCode).toBeNull();
      await expect.poll(() => engine.connections(), { timeout: 20_000 }).toBeLessThanOrEqual(before + 12);
      console.log(`frozen: slowest answer ${slowest.toFixed(0)} ms, well again ${after.toFixed(0)} ms after the thaw`);
    },
  );

  it("connections that are cut are opened again, and nobody dies of it", { timeout: 180_000 }, async () => {
    const { engine, server, requests, recovered } = await begin();
    const id = await requests.create();
    for (let round = 0; round < 5; round++) {
      await requests.append(id, `round ${round}`);
      await engine.cut();
      expect(await recovered()).toBeLessThan(RECOVERY_MS);
    }
    expect((await requests.on(id, "GET")).status).toBe(200);
    expect(server.child.exitCode).toBeNull();
  });

  it("one that is killed eight times under writers: nothing acknowledged is lost or doubled", { timeout: 400_000 }, async () => {
    const { engine, server, wire, recovered } = await begin();
    const ledger = createLedger();
    const clients = await startClients({ count: 12, wire, url: () => server.url, ledger, createEvery: 30, later: LATER });
    const times: number[] = [];
    for (let kill = 0; kill < 8; kill++) {
      await clients.progress(30);
      await engine.kill();
      await engine.start();
      times.push(await recovered());
    }
    await clients.stop();
    const known = new Set(ledger.conversations);
    const listed = async () => (await listAll(wire, server.url)).filter(({ id }) => known.has(id)).length;
    await expect.poll(listed, { timeout: 60_000 }).toBe(known.size);
    const stored = await transcripts(wire, server.url);
    expect(ledger.compare(stored)).toEqual(ALL_WELL);
    expect(Math.max(...times)).toBeLessThan(RECOVERY_MS + SLACK_MS);
    console.log(
      `killed 8 times: ${ledger.appends} appends, ${clients.repeats} repeated, well again after at most ${Math.max(...times).toFixed(0)} ms`,
    );
  });
}
