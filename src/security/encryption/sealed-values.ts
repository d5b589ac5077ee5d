/** Texts by key that are sealed on their way in, such as sessions that lie beside the store: each under a key of its own, wrapped by the master key. */
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { createMasterKeys, type MasterKey } from "./master-keys.ts";
import { openText, sealText, type SealedField } from "./sealed-text.ts";

/** A place for texts by key. */
export interface TextsByKey<O> {
  get(key: string): Promise<string | null | undefined>;
  put(key: string, value: string, options?: O): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

const field = (conversation: string): SealedField => ({ conversation, field: "session", of: "bare" });

/** What is sealed is an object with these two; anything else was stored as it is. */
function readSealed(text: string): { keyring: string; value: JsonObject } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(value) || typeof value["sealed"] !== "string") return null;
  const { keyring } = value;
  return typeof keyring === "string" ? { keyring, value } : null;
}

/** Wraps a place. Texts of a time without encryption are answered as they are. `get` rejects with `StoredDataError` what cannot be opened. */
export function sealedValues<O>(texts: TextsByKey<O>, masterKeys: readonly MasterKey[]): TextsByKey<O> {
  const master = createMasterKeys(masterKeys);
  // Not the name of a conversation, so that neither key can stand in the place of the other.
  const owner = (key: string): string => `bare:${key}`;
  return {
    async get(key) {
      const text = await texts.get(key);
      const sealed = typeof text === "string" ? readSealed(text) : null;
      if (!sealed) return text;
      const unwrapped = await master.unwrap(owner(key), sealed.keyring);
      return openText(unwrapped.key, field(owner(key)), sealed.value);
    },
    async put(key, value, options) {
      const made = await master.create(owner(key));
      const sealed = await sealText(made.key, field(owner(key)), value);
      return texts.put(key, JSON.stringify({ id: key, keyring: made.keyring, ...sealed }), options);
    },
    delete: (key) => texts.delete(key),
  };
}
