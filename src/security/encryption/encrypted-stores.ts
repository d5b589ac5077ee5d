/** Encryption at rest as a wrapper of all ports: what is stored, copied and backed up is sealed by construction. */
import type { Stores } from "../../core/stores.ts";
import { createConversationKeys } from "./conversation-keys.ts";
import { encryptedArchive } from "./encrypted-archive.ts";
import { encryptedDirectory } from "./encrypted-directory.ts";
import { encryptedHotStore, type OnUnreadable, type Sealing } from "./encrypted-hot-store.ts";
import { createMasterKeys, type MasterKey } from "./master-keys.ts";

/**
 * Wraps stores. Metadata, state and bodies of messages are sealed under a key of the conversation, which is stored under the
 * first of the master keys; with the others what was written earlier is read. ID, times, status, counts, source, reasons and the keyed
 * hashes of people's data stay as they are. `onUnreadable` is told of what a list could not open.
 */
export function encryptedStores(stores: Stores, masterKeys: readonly MasterKey[], onUnreadable: OnUnreadable = () => {}): Stores {
  const { hot, archive, directory, records } = stores;
  const keys = createConversationKeys(createMasterKeys(masterKeys));
  const stored = async (id: string): Promise<string | null> =>
    (await hot.heads([id]))[0]?.keyring ?? (await archive?.read(id, 0))?.head.keyring ?? null;
  const sealing: Sealing = { keys, stored, onUnreadable };
  return {
    hot: encryptedHotStore(hot, sealing),
    archive: archive && encryptedArchive(archive, sealing),
    directory: directory && encryptedDirectory(directory, sealing),
    // They hold IDs, hashes and counts alone.
    records,
  };
}
