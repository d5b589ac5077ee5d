/** The secret of a Worker in development that was given none: made once, and kept where its other data are. Elsewhere `SECRET` must be set. */
import type { KVNamespaceLike } from "../../adapters/cloudflare-kv/kv-namespace.ts";
import type { Records } from "../../core/records.ts";
import { secretBytes } from "../node/secret-formats.ts";

const KIND = "secret";
const KEY = "development";
/** With a colon, so that no session can lie under it. */
const KV_KEY = `${KIND}:${KEY}`;

function kept(text: unknown): Uint8Array<ArrayBuffer> | null {
  try {
    return typeof text === "string" ? secretBytes(text) : null;
  } catch {
    // Damaged: in development another one takes its place.
    return null;
  }
}

/** The bytes of the secret; with neither records nor KV, one of this call's own. What the stores throw is passed on. */
export async function developmentSecret(records: Records | null, kv: KVNamespaceLike | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const made = crypto.getRandomValues(new Uint8Array(32));
  const text = Buffer.from(made).toString("base64");
  if (records) {
    const there = kept((await records.get(KIND, KEY))?.value);
    return there ?? kept((await records.put(KIND, KEY, text, { ifVersion: 0 })).value) ?? made;
  }
  if (!kv) return made;
  const there = kept(await kv.get(KV_KEY));
  if (there) return there;
  await kv.put(KV_KEY, text);
  return kept(await kv.get(KV_KEY)) ?? made;
}
