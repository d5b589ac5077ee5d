// Idempotency entries that have ended are removed here; commits write and find them by themselves.

import type { Engine } from "./engine.ts";
import { shareOut } from "./share-out.ts";

/** `HotStore.forgetOnce`. */
export async function forgetOnce(engine: Engine, now: number, limit: number): Promise<number> {
  const counts = (await engine.ofEach(({ ends }) => ["ZCOUNT", ends, "-inf", String(now)])).map(Number);
  const removed = await Promise.all(
    shareOut(counts, limit).map(async ([bucket, share]) => {
      const { ends } = engine.keys.ofBucket[bucket]!;
      const names = (await engine.send(ends, ["ZRANGEBYSCORE", ends, "-inf", String(now), "LIMIT", "0", String(share)])) as string[];
      const keys = [ends];
      const args = [String(now)];
      for (const name of names) {
        // IDs have no spaces.
        const space = name.indexOf(" ");
        const id = name.slice(0, space);
        const { once } = engine.keys.ofConversation(id);
        const at = keys.indexOf(once);
        args.push(String(at < 0 ? keys.push(once) : at + 1), id, name.slice(space + 1));
      }
      return Number(await engine.run("forgetOnce", keys, args));
    }),
  );
  return removed.reduce((sum, count) => sum + count, 0);
}
