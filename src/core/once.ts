/** Idempotency keys of the library: from what the caller gives to the entry that travels in the commit. */
import type { IdempotencyKey } from "./conversations.ts";
import { InvalidInputError } from "./errors.ts";
import type { Once } from "./hot-store.ts";
import type { Settings } from "./settings.ts";

/**
 * The entry for a key. A plain text is bound to what it is used for (`scope`) and to the arguments (`content`); a key
 * with a fingerprint comes from a door that has bound it already.
 */
export async function onceFrom(settings: Settings, given: IdempotencyKey, scope: string, content: () => string): Promise<Once> {
  const until = settings.clock() + settings.onceMs;
  if (typeof given === "object") return { key: given.key, fingerprint: given.fingerprint, until };
  if (typeof given !== "string" || !/^[\x21-\x7e]{1,255}$/.test(given)) {
    throw new InvalidInputError("idempotencyKey must be 1 to 255 visible ASCII characters");
  }
  const [key, fingerprint] = await Promise.all([
    settings.digest(`once\n${scope}\n${given}`),
    settings.digest(`fingerprint\n${scope}\n${content()}`),
  ]);
  return { key, fingerprint, until };
}
