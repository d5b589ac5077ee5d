/** A directory that seals the heads it is given. It indexes no text: what can be searched can be read. */
import type { Directory } from "../../core/directory.ts";
import type { Sealing } from "./encrypted-hot-store.ts";
import { keyForWhole } from "./key-for-whole.ts";
import { openableHead } from "./openable-head.ts";
import { hasContent, sealHead } from "./sealed-parts.ts";

/** Wraps a directory. A head that was stored without encryption is listed as it is stored. */
export function encryptedDirectory(directory: Directory, { keys, stored, onUnreadable }: Sealing): Directory {
  return {
    capabilities: { search: false, searchBytes: 0 },

    async index(head) {
      const plain = head.keyring === null || !hasContent(head);
      const sealed = plain ? head : await sealHead(head, await keyForWhole(keys, head, stored));
      // Text of a time without encryption goes.
      const hadText = directory.capabilities.search && !plain && (await directory.indexed([head.id]))[0]! > 0;
      return hadText ? directory.index(sealed, { after: 0, messages: [] }) : directory.index(sealed);
    },

    async list(query) {
      const page = await directory.list(query);
      return { ...page, heads: await Promise.all(page.heads.map((head) => openableHead(keys, head, onUnreadable))) };
    },

    ...(directory.unindexed && { unindexed: (limit, leaseMs) => directory.unindexed!(limit, leaseMs) }),
    ...(directory.indexUnindexed && { indexUnindexed: (item, subjects) => directory.indexUnindexed!(item, subjects, []) }),
    indexed: async (ids) => ids.map(() => 0),
    analytics: (from, to) => directory.analytics(from, to),
    live: () => directory.live(),
    bySubject: (hash, after, limit) => directory.bySubject(hash, after, limit),
    record: (events) => directory.record(events),
    events: (id, after, limit) => directory.events(id, after, limit),
    forgetEvents: (before, limit) => directory.forgetEvents(before, limit),
    purge: (before, limit) => directory.purge(before, limit),
  };
}
