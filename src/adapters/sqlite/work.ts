// What every operation of the write worker is given.

import type { Connection } from "./connection.ts";

/** The connection, in a transaction; the engine's time in epoch ms, read by the caller; whether entries of the directory are kept here. */
export interface Work {
  readonly connection: Connection;
  readonly now: number;
  readonly keepsDirectory: boolean;
}
