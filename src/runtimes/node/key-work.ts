/** What commands do with API keys and master keys, over the configured stores. */
import { makeApiKey, type KeyScope } from "../../security/api-key-text.ts";
import type { ApiKeys } from "../../security/api-keys.ts";
import { keysInUse, rotateKeys, type KeysInUse, type RotationCounts, type RotationOptions } from "../../security/encryption/rotate.ts";
import { checkEncryption } from "../encrypt-stores.ts";
import { serviceKeys } from "../guard.ts";
import type { Config } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { openStores } from "./open-manager.ts";
import { serviceSecret } from "./service-secret.ts";

export { KEY_SCOPES, type KeyScope } from "../../security/api-key-text.ts";
export type { ApiKey } from "../../security/api-keys.ts";
export type { KeysInUse, RotationCounts } from "../../security/encryption/rotate.ts";

/** Does something with the keys of the configured database, which is made if it is not there. */
export async function withKeys<T>(config: Config, run: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const { stores, close } = await openStores(config, { patience: "work" });
  try {
    return await run(serviceKeys(config, await serviceSecret(config, stores.records), stores.records, () => {}));
  } finally {
    await close();
  }
}

/** A key that no store knows: for API_KEYS. */
export function keyForConfiguration(scope: KeyScope): string {
  return makeApiKey(scope).text;
}

/** Wraps every conversation's key with the first master key, encrypts what is not, and counts what is in use afterwards. Throws `ConfigurationError` without a key. */
export async function rotateMasterKeys(config: Config, options: RotationOptions): Promise<{ counts: RotationCounts; inUse: KeysInUse }> {
  const masterKeys = neededKeys(config);
  const { jobs, close } = await openStores(config, { create: false, patience: "work" });
  try {
    await checkEncryption(config, jobs);
    const counts = await rotateKeys(jobs, masterKeys, options);
    return { counts, inUse: await keysInUse(jobs, masterKeys) };
  } finally {
    await close();
  }
}

/** Which master keys are in use. Throws `ConfigurationError` without a key. */
export async function masterKeysInUse(config: Config): Promise<KeysInUse> {
  const masterKeys = neededKeys(config);
  const { stores, close } = await openStores(config, { create: false, patience: "work" });
  try {
    await checkEncryption(config, stores);
    return await keysInUse(stores, masterKeys);
  } finally {
    await close();
  }
}

function neededKeys({ encryptionKeys }: Config): NonNullable<Config["encryptionKeys"]> {
  if (encryptionKeys && encryptionKeys.length > 0) return encryptionKeys;
  throw new ConfigurationError([
    {
      variable: "CONVERSATION_ENCRYPTION_KEY",
      wrong: "it is not set, so there is nothing to rotate to",
      right: "set it to k1:<base64>, made with: openssl rand -base64 32; to rotate, put the new key in front of the old one",
    },
  ]);
}
