// A turn costs an object the same however long its conversation is. Counted in rows, not in time.

import { expect, it } from "vitest";
import { ObjectDatabase } from "../../src/adapters/durable-objects/database.ts";
import { Leases } from "../../src/adapters/durable-objects/leases.ts";
import { ownHotStore } from "../../src/adapters/durable-objects/own-store.ts";
import type { DurableObjectStateLike } from "../../src/adapters/durable-objects/durable-object-state.ts";
import { inside, openWorld } from "./object-world.ts";

interface Cursor {
  raw(): Iterable<unknown[]>;
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

const message = (n: number) => ({ key: `i:${n}`, digest: `d${n}`, body: JSON.stringify({ role: "user", content: `${n}` }), size: 40 });

/** The rows that a turn with a window of 20 reads and writes, in a conversation of so many messages. */
async function rowsOfATurn(count: number): Promise<{ read: number; written: number }> {
  const { manager, stores } = openWorld();
  const { id } = await manager.createConversation();
  const now = Date.now();
  for (let n = 0; n < count; n += 5000) {
    const append = Array.from({ length: Math.min(5000, count - n) }, (_, i) => message(n + i));
    expect((await stores.hot.commit(id, { now, append })).outcome).toBe("done");
  }
  return inside(id, async (state) => {
    const cursors: Cursor[] = [];
    const { storage } = state as unknown as DurableObjectStateLike;
    const counting = {
      storage: {
        sql: {
          exec(statement: string, ...parameters: (string | number | null)[]) {
            const cursor = storage.sql.exec(statement, ...parameters) as Cursor;
            cursors.push(cursor);
            return cursor;
          },
        },
        transactionSync: <T>(work: () => T): T => storage.transactionSync(work),
      },
    } as unknown as DurableObjectStateLike;
    const database = new ObjectDatabase(counting);
    const own = ownHotStore({ database, leases: new Leases(), clock: () => now, wrote: () => {} });
    cursors.length = 0;
    const committed = await own.commit(id, { now, append: [message(count)], activity: true, window: 20 });
    expect(committed).toMatchObject({ outcome: "done", head: { lastSeq: count + 1 } });
    const sum = (pick: (cursor: Cursor) => number): number => cursors.reduce((all, cursor) => all + pick(cursor), 0);
    return { read: sum(({ rowsRead }) => rowsRead), written: sum(({ rowsWritten }) => rowsWritten) };
  });
}

it("a turn with a window of 20 reads and writes as many rows among 50,000 messages as among 100", async () => {
  const short = await rowsOfATurn(100);
  const long = await rowsOfATurn(50_000);
  expect(long).toEqual(short);
  expect(short.read).toBeGreaterThan(19);
  expect(short.read).toBeLessThan(60);
  expect(short.written).toBeGreaterThan(1);
});
