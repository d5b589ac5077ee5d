// All that the ports give out, as one text: where a canary must not be found after wiping and erasing.

import type { FullStores } from "../faulty-stores.ts";

const KINDS = ["claim", "receipt", "import"];

/** Conversations, messages, entries, snippets, undelivered and kept events, records. */
export async function everythingIn({ hot, archive, directory, records }: FullStores): Promise<string> {
  const parts: unknown[] = [];
  const ids = new Set<string>();
  for (const store of [hot, archive]) {
    for (const { id } of await store.scan(null, 1000)) {
      ids.add(id);
      parts.push(await store.read(id, Infinity), await store.messages(id, { limit: 1000, order: "asc" }));
    }
  }
  const { heads } = await directory.list({ limit: 1000 });
  for (const { id } of heads) ids.add(id);
  parts.push(heads, await directory.list({ limit: 1000, text: "canarino" }));
  for (const id of ids) parts.push(await directory.events(id, null, 1000));
  // Leased for no time, so that they are there for the next one to ask.
  parts.push(await hot.outbox(1000, 0));
  for (const kind of KINDS) parts.push(await records.list(kind, null, 1000));
  return JSON.stringify(parts);
}
