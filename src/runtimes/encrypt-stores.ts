/** Encryption at rest, as settings say it: stores are wrapped, and keys that are not those of the database are refused before anything is served. */
import type { Stores } from "../core/stores.ts";
import { encryptedStores } from "../security/encryption/encrypted-stores.ts";
import { checkMasterKeys } from "../security/encryption/key-check.ts";
import type { CheckedSettings } from "./check-settings.ts";
import { ConfigurationError } from "./node/configuration-error.ts";

/** Throws `ConfigurationError` if the keys are missing, or others than those that the database was written with. */
export async function checkEncryption({ encryptionKeys }: Pick<CheckedSettings, "encryptionKeys">, { records }: Stores): Promise<void> {
  if (!records) return;
  const faults = await checkMasterKeys(records, encryptionKeys ?? []);
  if (faults.length === 0) return;
  throw new ConfigurationError(
    faults.map(({ sentence }) => {
      const [wrong, right] = sentence.split("; ");
      return { variable: "CONVERSATION_ENCRYPTION_KEY", wrong: wrong!, right: right ?? "give the right one" };
    }),
  );
}

/** The stores as everything above them sees them: sealed if there are keys, else as they are. */
export function sealedStores(
  { encryptionKeys }: Pick<CheckedSettings, "encryptionKeys">,
  stores: Stores,
  onError: (error: unknown, during: string) => void,
): Stores {
  if (!encryptionKeys || encryptionKeys.length === 0) return stores;
  return encryptedStores(stores, encryptionKeys, (_, error) => onError(error, "decrypting"));
}
