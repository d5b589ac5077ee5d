// A server that crashes again and again under clients that append: what was acknowledged by the end, and what is stored.

import { cpSync } from "node:fs";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../temporary-folder.ts";
import { messageFor, startClients } from "./appending-clients.ts";
import type { CrashingServer } from "./crashing-server.ts";
import { createLedger, type Ledger, type Verdict } from "./ledger.ts";
import { createRequests } from "./requests.ts";
import { integrityOf, transcripts } from "./stored.ts";
import { createWire } from "./wire.ts";

/** How it went. */
export interface CrashReport {
  readonly crashes: number;
  readonly appends: number;
  readonly repeats: number;
  readonly replays: number;
  /** Milliseconds from each start until the server served, ascending. */
  readonly readyMs: readonly number[];
  /** Of the file as the last crash left it, before any server has seen it again. */
  readonly integrity: string;
  readonly verdict: Verdict;
  /** Stored at the end, when every client has its answer, and never acknowledged. */
  readonly unacknowledged: readonly string[];
  /** Conversations that were acknowledged and then unknown. */
  readonly missing: readonly string[];
  /** Of the last acknowledged appends those that were not answered as before when they were sent once more after the crash. */
  readonly forgotten: readonly string[];
}

const CLIENTS = 20;
const SENT_AGAIN = 40;
const FILES = ["conversations.db", "conversations.db-wal"] as const;

/** Lets a server crash so many times, at no particular moment. */
export async function crashUnderLoad(server: CrashingServer, crashes: number): Promise<CrashReport> {
  const wire = createWire();
  const ledger = createLedger();
  const clients = await startClients({ count: CLIENTS, wire, url: server.url, ledger, createEvery: 40 });
  const readyMs: number[] = [];
  for (let crash = 0; crash < crashes; crash++) {
    // Every fourth time it has hardly begun to serve.
    if (crash % 4 !== 3) await clients.progress(randomInt(1, 60));
    await sleep(randomInt(150));
    await server.crash();
    if (crash < crashes - 1) readyMs.push(await server.start());
  }
  // The clients go on trying meanwhile, and find nobody.
  const copy = temporaryFolder();
  for (const file of FILES) cpSync(join(server.folder(), "data", file), join(copy, file));
  const integrity = integrityOf(join(copy, FILES[0]));
  readyMs.push(await server.start());
  await clients.stop();
  const forgotten = await sendAgain(server, ledger);
  const stored = await transcripts(wire, server.url());
  return {
    crashes,
    appends: ledger.appends,
    repeats: clients.repeats,
    replays: clients.replays,
    readyMs: readyMs.toSorted((a, b) => a - b),
    integrity,
    verdict: ledger.compare(stored),
    unacknowledged: ledger.unacknowledged(stored),
    missing: clients.missing,
    forgotten,
  };
}

/** Sends requests that were answered once more, as somebody does who was restored with the machine. */
async function sendAgain(server: CrashingServer, ledger: Ledger): Promise<string[]> {
  const { on } = createRequests(createWire(), server.url, ledger);
  const forgotten: string[] = [];
  for (const { id, seq, content } of ledger.newest(SENT_AGAIN)) {
    const { status, headers, text } = await on(id, "POST", "/messages", messageFor(content), { "idempotency-key": content });
    const same = status === 200 && headers["idempotency-replayed"] === "true" && text.includes(`"seq":${seq},`);
    if (!same) forgotten.push(`${id} ${seq} ${content}: ${status} ${text}`);
  }
  return forgotten;
}

/** A line for people. */
export function describeReport({ crashes, appends, repeats, replays, readyMs }: CrashReport): string {
  const [half, most] = [readyMs[Math.floor(readyMs.length / 2)]!, readyMs.at(-1)!];
  return (
    `${crashes} times: ${appends} appends acknowledged, ${repeats} requests repeated, ${replays} of them had been done; ` +
    `ready again after ${half.toFixed(0)} ms (median), ${most.toFixed(0)} ms (longest)`
  );
}
