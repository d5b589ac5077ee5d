/** Every conversation of hot store and archive together, page by page in ID order. */
import type { Stores } from "./stores.ts";

const PAGE = 200;

/** IDs after `after` in order, each once, in pages that are not empty. What comes or goes meanwhile may be among them or not. */
export async function* scanIds({ hot, archive }: Pick<Stores, "hot" | "archive">, after: string | null = null): AsyncGenerator<string[]> {
  for (let from = after; ;) {
    // The archive second: what moves there meanwhile is then seen in one of them at least.
    const live = hot.capabilities.scan ? await hot.scan(from, PAGE) : [];
    const over = (await archive?.scan(from, PAGE)) ?? [];
    const ids = [...new Set([...live, ...over].map((head) => head.id))].toSorted();
    if (ids.length === 0) return;
    // Beyond the end of the shorter page the other one may hold IDs that were not seen yet.
    const ends = [live, over].filter((page) => page.length === PAGE).map((page) => page.at(-1)!.id);
    const end = ends.length > 0 ? ends.toSorted()[0]! : ids.at(-1)!;
    yield ids.filter((each) => each <= end);
    from = end;
  }
}
