/** An archive that seals what it is given, and opens what it answers. */
import type { Archive } from "../../core/archive.ts";
import type { Sealing } from "./encrypted-hot-store.ts";
import { keyForWhole } from "./key-for-whole.ts";
import { openableHead } from "./openable-head.ts";
import { hasContent, openMessages, openWhole, sealWhole } from "./sealed-parts.ts";
import { plainSize } from "./sealed-text.ts";

/** Wraps an archive. */
export function encryptedArchive(archive: Archive, { keys, stored, onUnreadable }: Sealing): Archive {
  return {
    capabilities: { ...archive.capabilities, maxMessageBytes: plainSize(archive.capabilities.maxMessageBytes) },

    async put(whole, options) {
      const sealed = hasContent(whole.head) ? await sealWhole(whole, await keyForWhole(keys, whole.head, stored)) : whole;
      return archive.put(sealed, options);
    },

    async read(id, window) {
      const whole = await archive.read(id, window);
      return whole && openWhole(keys, whole);
    },

    async messages(id, page) {
      const messages = await archive.messages(id, page);
      if (!messages || messages.length === 0) return messages;
      const keyring = keys.known(id)?.keyring ?? (await archive.read(id, 0))?.head.keyring ?? null;
      if (keyring === null) return messages;
      return openMessages((await keys.of(id, keyring)).key, id, messages);
    },

    async erase(id, entry) {
      const erased = await archive.erase(id, entry);
      if (erased !== "held") keys.forget(id);
      return erased;
    },

    scan: async (after, limit) => Promise.all((await archive.scan(after, limit)).map((head) => openableHead(keys, head, onUnreadable))),
    erasures: (after, limit) => archive.erasures(after, limit),
    erased: (id) => archive.erased(id),
    purge: (before, limit, dryRun) => archive.purge(before, limit, dryRun),
    probe: () => archive.probe(),
    scrub: () => archive.scrub(),
    close: () => archive.close(),
  };
}
