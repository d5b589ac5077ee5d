// What is short enough for the calling thread, and reading more than one statement from one state of the database.

import type { Connection, Row } from "./connection.ts";
import type { Stretch } from "./message-rows.ts";

const SHORT_MESSAGES = 200;
const SHORT_BYTES = 512 * 1024;

/** Whether so many messages may be read on the calling thread; their bytes are estimated from the average of the conversation, whose head's row this is. */
export function isShort({ first, last }: Stretch, head: Row): boolean {
  const count = last - first + 1;
  if (count <= 0) return true;
  if (count > SHORT_MESSAGES) return false;
  const [lastSeq, bytes] = [head[7] as number, head[8] as number];
  return bytes <= SHORT_BYTES || (bytes / Math.max(1, lastSeq)) * count <= SHORT_BYTES;
}

/** Runs reads that must see the same state. Inside another snapshot it is part of that. */
export function inSnapshot<T>(connection: Connection, read: () => T): T {
  if (connection.inTransaction) return read();
  connection.run("BEGIN");
  try {
    return read();
  } finally {
    if (connection.inTransaction) connection.run("COMMIT");
  }
}
