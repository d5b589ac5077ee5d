// Conversations in objects, with the stores of memory behind them, under a time that moves only when the test says so.

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { durableObjectStores, type DurableObjectNamespaceLike } from "../../src/adapters/durable-objects/durable-object-stores.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { behind } from "./behind.ts";
import type { TestedState } from "./tested-state.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Years ahead of the platform's own time, so that no alarm goes off by itself. */
export const START = Date.parse("2099-01-25T14:30:52.000Z");

export const namespace = env["CONVERSATIONS"] as DurableObjectNamespaceLike;

const clock = (): number => Date.now();

/** Archive, directory and records of this test, behind the objects as well; and a manager over all. */
export function openWorld() {
  const { archive, directory, records } = memoryStores({ clock });
  const told: string[] = [];
  const failures: unknown[] = [];
  const options = {
    environment: "D" as const,
    clock,
    onEvent: (_: string, { type }: { type: string }) => void told.push(type),
    onError: (error: unknown) => void failures.push(error),
  };
  Object.assign(behind, { archive, directory, records, options, alarms: 0, wrap: (hot: unknown) => hot });
  const stores = durableObjectStores({ namespace, archive, directory, records });
  return { manager: new ConversationManager(stores, options), stores, archive, directory, records, told, failures };
}

/** Lets time pass. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Looks into an object. */
export function inside<T>(id: string, look: (state: TestedState) => T | Promise<T>): Promise<T> {
  return runInDurableObject(namespace.getByName(id), (_, state) => look(state));
}

/** For when the alarm of an object is set; null: it is not. */
export function alarmOf(id: string): Promise<number | null> {
  return inside(id, (state) => state.storage.getAlarm());
}

/** Runs the alarm if its time has come; whether it had. */
export async function ring(id: string): Promise<boolean> {
  const at = await alarmOf(id);
  return at !== null && at <= Date.now() && (await runDurableObjectAlarm(namespace.getByName(id)));
}

/** Lets time pass until it has been so long, and rings whenever an alarm is due, as the platform would. Answers how often it rang. */
export async function live(id: string, ms: number): Promise<number> {
  const end = Date.now() + ms;
  for (let rang = 0; ;) {
    const at = await alarmOf(id);
    if (at === null || at > end) {
      vi.setSystemTime(end);
      return rang;
    }
    if (at > Date.now()) vi.setSystemTime(at);
    if (await runDurableObjectAlarm(namespace.getByName(id))) rang++;
    if (rang > 500) throw new Error(`the alarm of ${id} goes off again and again`);
  }
}

/** The tables of an object that hold something, and what the older kind of storage lists. */
export function leftIn(id: string): Promise<string[]> {
  return inside(id, async ({ storage }) => {
    const tables = [
      ...storage.sql.exec("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'").raw(),
    ];
    return [
      ...tables
        .flat()
        .map(String)
        .filter((name) => !name.startsWith("sqlite_")),
      ...(await storage.list()).keys(),
    ];
  });
}
