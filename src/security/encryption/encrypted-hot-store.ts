/** A hot store that seals what it is given, and opens what it answers. */
import type { Head, StoredMessage, Whole } from "../../core/head.ts";
import type { Change, Committed, HotStore } from "../../core/hot-store.ts";
import type { ConversationKeys } from "./conversation-keys.ts";
import { encryptInPlace } from "./encrypt-in-place.ts";
import { keyForWhole, type StoredKeyring } from "./key-for-whole.ts";
import type { ConversationKey } from "./master-keys.ts";
import { openableHead } from "./openable-head.ts";
import { hasContent, openHead, openMessages, openWhole, sealMessage, sealMetadata, sealSession, sealWhole } from "./sealed-parts.ts";
import { plainSize } from "./sealed-text.ts";

/** Told of what could not be opened where the rest is answered all the same. */
export type OnUnreadable = (id: string, error: unknown) => void;

/** What a change carries that has to be sealed. */
function carriesContent(change: Change): boolean {
  return (change.append?.length ?? 0) > 0 || change.metadata !== undefined || (change.session !== undefined && change.session !== null);
}

/** What the wrappers of one database share. */
export interface Sealing {
  readonly keys: ConversationKeys;
  readonly stored: StoredKeyring;
  readonly onUnreadable: OnUnreadable;
}

/** Wraps a hot store. */
export function encryptedHotStore(hot: HotStore, sealing: Sealing): HotStore {
  const { keys, stored, onUnreadable } = sealing;

  async function openWindow(head: Head, window: StoredMessage[]): Promise<StoredMessage[]> {
    if (head.keyring === null || window.length === 0) return window;
    const { key } = await keys.of(head.id, head.keyring);
    return openMessages(key, head.id, window);
  }

  async function openCommitted(committed: Committed): Promise<Committed> {
    switch (committed.outcome) {
      case "done":
      case "replayed": {
        const { head, window } = committed;
        const [opened, messages] = await Promise.all([openHead(keys, head), openWindow(head, window)]);
        return { ...committed, head: opened, window: messages };
      }
      case "conflict":
      case "refused":
      case "full":
        return { ...committed, head: await openHead(keys, committed.head) };
      default:
        return committed;
    }
  }

  async function storedHead(id: string): Promise<Head | null> {
    return (await hot.heads([id]))[0] ?? null;
  }

  /** The key of a conversation that is here. What was stored without encryption is encrypted first. Null: it has none, and takes no content. */
  async function keyOf(id: string): Promise<ConversationKey | "absent" | null> {
    const known = keys.known(id);
    if (known) return known;
    for (;;) {
      const head = await storedHead(id);
      if (!head) return "absent";
      if (head.keyring !== null) return keys.of(id, head.keyring);
      if (!hasContent(head)) return null;
      await encryptInPlace(hot, keys, id);
    }
  }

  async function sealChange(id: string, change: Change, { key }: ConversationKey): Promise<Change | "absent"> {
    const sealed: Change = { ...change };
    const work: Promise<void>[] = [];
    if (change.append) {
      work.push(
        Promise.all(change.append.map((message) => sealMessage(key, id, message))).then((append) => {
          sealed.append = append;
        }),
      );
    }
    if (change.session !== undefined) {
      work.push(
        sealSession(key, id, change.session).then((session) => {
          sealed.session = session;
        }),
      );
    }
    if (change.metadata !== undefined) {
      // It is bound to the revision that it will be, so the one before has to be what it was made from.
      const before = change.require?.revision ?? (await storedHead(id))?.revision;
      if (before === undefined) return "absent";
      sealed.require = { ...change.require, revision: before };
      sealed.metadata = await sealMetadata(key, id, before + 1, change.metadata);
    }
    await Promise.all(work);
    return sealed;
  }

  const openEach = (heads: readonly Head[]): Promise<Head[]> => Promise.all(heads.map((head) => openableHead(keys, head, onUnreadable)));

  const wrapped: HotStore = {
    capabilities: { ...hot.capabilities, maxMessageBytes: plainSize(hot.capabilities.maxMessageBytes) },

    async create(whole, options) {
      const sealed = hasContent(whole.head) ? await sealWhole(whole, await keyForWhole(keys, whole.head, stored)) : whole;
      return openCommitted(await hot.create(sealed, options));
    },

    async commit(id, change) {
      if (change.wipe) {
        const committed = await hot.commit(id, change);
        if (committed.outcome === "done") keys.forget(id);
        return openCommitted(committed);
      }
      if (!carriesContent(change)) return openCommitted(await hot.commit(id, change));
      const key = await keyOf(id);
      if (key === "absent") return { outcome: "absent" };
      if (key === null) {
        // Wiped or erased: it refuses every change, so the content may stay here.
        const { append: _, metadata: __, session: ___, ...bare } = change;
        return openCommitted(await hot.commit(id, bare));
      }
      const sealed = await sealChange(id, change, key);
      return sealed === "absent" ? { outcome: "absent" } : openCommitted(await hot.commit(id, sealed));
    },

    async read(id, window) {
      const whole: Whole | null = await hot.read(id, window);
      return whole && openWhole(keys, whole);
    },

    async messages(id, page) {
      const messages = await hot.messages(id, page);
      if (!messages || messages.length === 0) return messages;
      let key = keys.known(id);
      if (!key) {
        const head = await storedHead(id);
        // It went to the archive in between, where the caller looks next.
        if (!head) return null;
        if (head.keyring === null) return messages;
        key = await keys.of(id, head.keyring);
      }
      return openMessages(key.key, id, messages);
    },

    scan: async (after, limit) => openEach(await hot.scan(after, limit)),
    take: async (what, before, limit, leaseMs) => openEach(await hot.take(what, before, limit, leaseMs)),
    heads: async (ids) => Promise.all((await hot.heads(ids)).map(async (head) => head && openableHead(keys, head, onUnreadable))),

    remove: (id, ifVersion) => hot.remove(id, ifVersion),
    outbox: (limit, leaseMs) => hot.outbox(limit, leaseMs),
    delivered: (ns) => hot.delivered(ns),
    forgetOnce: (now, limit) => hot.forgetOnce(now, limit),
    probe: () => hot.probe(),
    scrub: () => hot.scrub(),
    close: () => hot.close(),
  };
  if (hot.turn) {
    wrapped.turn = (id, work) => hot.turn!(id, (inner) => work(encryptedHotStore(inner, sealing)));
  }
  return wrapped;
}
