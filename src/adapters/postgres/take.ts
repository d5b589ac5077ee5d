/** What is due, leased: the function looks and corrects, and says whether to ask again. */
import type { Head } from "../../core/head.ts";
import type { Engine } from "./engine.ts";
import { readableHeadOf, type HeadRow } from "./head-row.ts";

const TAKE = { name: "itera-take", text: "SELECT itera_take($1, $2, $3, $4, $5) AS answer" };

/** `HotStore.take`. What is damaged is leased as well, so that it does not stand in the way, but not answered. */
export async function takeDue(
  engine: Engine,
  what: "expire" | "warn" | "move",
  before: number,
  limit: number,
  leaseMs: number,
): Promise<Head[]> {
  const taken: HeadRow[] = [];
  for (;;) {
    const [rows, again] = await engine.ask<[HeadRow[] | null, boolean]>(TAKE, [what, before, limit - taken.length, leaseMs, engine.now()]);
    taken.push(...(rows ?? []));
    if (!again) return taken.map(readableHeadOf).filter((head) => head !== null);
  }
}
