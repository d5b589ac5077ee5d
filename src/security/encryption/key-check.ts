/** Whether the configured master keys are those that a database was written with: asked once at the start, before anything is served. */
import { StoredDataError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Records } from "../../core/records.ts";
import { createMasterKeys, type MasterKey } from "./master-keys.ts";

const KIND = "encryption";
/** Stands in the place of a conversation: a key is wrapped for it, and unwrapped again at every start. */
const CHECK = "check";

/** What is wrong with the keys of a database. `sentence` says what to do. */
export interface KeyFault {
  readonly kind: "missing" | "wrong";
  readonly id: string;
  readonly sentence: string;
}

/**
 * Finds what is wrong, and notes keys that are new. No keys and none ever used: nothing. Of the keys that were
 * used at least one has to be there; what another one wraps answers a clear error, and `keysInUse` counts it.
 */
export async function checkMasterKeys(records: Records, given: readonly MasterKey[]): Promise<KeyFault[]> {
  const used = await records.list(KIND, null, 1000);
  if (given.length === 0) {
    const [first] = used;
    if (!first) return [];
    const sentence = `This database is encrypted (master key "${first.key}"); set CONVERSATION_ENCRYPTION_KEY to the keys that it was written with`;
    return [{ kind: "missing", id: first.key, sentence }];
  }
  const [first] = used;
  if (first && !used.some((each) => given.some(({ id }) => id === each.key))) {
    const sentence = `None of these keys was ever used with this database, which has "${first.key}"; add the keys that it was written with, behind the new one`;
    return [{ kind: "missing", id: first.key, sentence }];
  }
  const faults: KeyFault[] = [];
  for (const key of given) {
    const master = createMasterKeys([key]);
    const stored = used.find((each) => each.key === key.id);
    if (!stored) {
      await records.put(KIND, key.id, { keyring: (await master.create(CHECK)).keyring }, { ifVersion: 0 });
      continue;
    }
    const keyring = isJsonObject(stored.value) ? stored.value["keyring"] : undefined;
    try {
      await master.unwrap(CHECK, typeof keyring === "string" ? keyring : "");
    } catch (error) {
      if (!(error instanceof StoredDataError)) throw error;
      const sentence = `The master key "${key.id}" is another one than this database was written with; a name belongs to one key for good`;
      faults.push({ kind: "wrong", id: key.id, sentence });
    }
  }
  return faults;
}
