// Stores under encryption as their callers would see them without it: wrapped keys are taken off on the way out, and put back on the way in.

import type { Head, Whole } from "../../src/core/head.ts";
import type { Committed, HotStore } from "../../src/core/hot-store.ts";
import type { Stores } from "../../src/core/stores.ts";

/** Hides the keyrings, which the cases of the conformance suite know nothing of. */
export function hiddenKeyrings({ hot, archive, directory, records }: Stores): Stores {
  const seen = new Map<string, string>();
  const out = (head: Head): Head => {
    if (head.keyring !== null) seen.set(head.id, head.keyring);
    return { ...head, keyring: null };
  };
  const back = (head: Head): Head => ({ ...head, keyring: head.keyring ?? seen.get(head.id) ?? null });
  const whole = (found: Whole | null): Whole | null => found && { ...found, head: out(found.head) };
  const committed = (result: Committed): Committed => ("head" in result ? { ...result, head: out(result.head) } : result);

  const over: Partial<HotStore> = {
    create: async (given, options) => committed(await hot.create({ ...given, head: back(given.head) }, options)),
    commit: async (id, change) => committed(await hot.commit(id, change)),
    read: async (id, window) => whole(await hot.read(id, window)),
    heads: async (ids) => (await hot.heads(ids)).map((head) => head && out(head)),
    scan: async (after, limit) => (await hot.scan(after, limit)).map(out),
    take: async (...parts) => (await hot.take(...parts)).map(out),
  };
  return {
    hot: { ...hot, ...over },
    archive: archive && {
      ...archive,
      put: (given, options) => archive.put({ ...given, head: back(given.head) }, options),
      read: async (id, window) => whole(await archive.read(id, window)),
      scan: async (after, limit) => (await archive.scan(after, limit)).map(out),
    },
    directory: directory && {
      ...directory,
      index: (head, text) => directory.index(back(head), text),
      async list(query) {
        const page = await directory.list(query);
        return { ...page, heads: page.heads.map(out) };
      },
    },
    records,
  };
}
