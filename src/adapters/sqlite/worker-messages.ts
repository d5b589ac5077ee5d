// What crosses between the calling thread and its two workers.

import type { Failure } from "./sqlite-errors.ts";

/** A table of operations: what a worker can do, by name. The first argument of each is the worker's own. */
export type Operations = { readonly [name: string]: (context: never, ...args: never[]) => unknown };

/** The names of operations. */
export type NameOf<T> = Extract<keyof T, string>;

/** The arguments of an operation without the first, and what it returns. */
export type ArgumentsOf<T> = T extends (context: never, ...args: infer A) => unknown ? A : never;
export type ResultOf<T> = T extends (...args: never[]) => infer R ? R : never;

/** A call: its number, the engine's time in epoch ms, the operation's name, its arguments. Many travel together. */
export type Request = [number: number, now: number, name: string, ...args: unknown[]];

/** The answer to a call: its number, and the result or the failure. */
export type Reply = [number: number, failure: Failure | null, result: unknown];

/** What a worker is told at its start. */
export interface WorkerSettings {
  path: string;
  keepsDirectory: boolean;
}

/** The calls that are answered outside a transaction: `scrub` empties the log of what was overwritten, `close` closes the connection. */
export const SCRUB = "scrub";
export const CLOSE = "close";
