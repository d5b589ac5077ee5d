/** Master keys: they wrap the keys of conversations, and each is chosen by its name alone, never by trying. */
import { StoredDataError } from "../../core/errors.ts";
import { base64url, fromBase64url } from "../mac.ts";
import { boundTo } from "./bound-to.ts";

/** A master key as configured. */
export interface MasterKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** The key of one conversation, ready for use. */
export interface ConversationKey {
  readonly key: CryptoKey;
  /** It under a master key, as it stands in `Head.keyring`: format, name of the master key, nonce and ciphertext. */
  readonly keyring: string;
}

/** Wraps and unwraps keys of conversations. */
export interface MasterKeys {
  /** The name of the key that writes. */
  readonly current: string;
  readonly ids: readonly string[];
  /** Makes a key for a conversation. */
  create(conversation: string): Promise<ConversationKey>;
  /** Throws `StoredDataError`: the master key is not configured, or the text is damaged or another conversation's. */
  unwrap(conversation: string, keyring: string): Promise<ConversationKey>;
  /** The same key under the current master key; null: it is already. */
  rewrap(conversation: string, keyring: string): Promise<string | null>;
  /** The name of the master key of a wrapped key. Throws `StoredDataError` if the text is none. */
  masterOf(keyring: string): string;
}

const FORMAT = "1";
const NONCE = 12;
const AES = "AES-GCM";

const damaged = (cause?: unknown): StoredDataError =>
  new StoredDataError("The key of this conversation is damaged; restore it from a backup", { cause });

/** Master keys over the configured ones, of which the first writes. At least one. */
export function createMasterKeys(given: readonly MasterKey[]): MasterKeys {
  const current = given[0]!.id;
  const imported = new Map<string, Promise<CryptoKey>>();

  function master(id: string): Promise<CryptoKey> {
    const known = imported.get(id);
    if (known) return known;
    const found = given.find((each) => each.id === id);
    if (!found) {
      throw new StoredDataError(
        `This conversation is encrypted under the master key "${id}", which is not configured; add it to CONVERSATION_ENCRYPTION_KEY`,
      );
    }
    const key = crypto.subtle.importKey("raw", found.key, AES, false, ["encrypt", "decrypt"]);
    imported.set(id, key);
    return key;
  }

  function parts(keyring: string): { id: string; bytes: Uint8Array<ArrayBuffer> } {
    const [, id, text] = /^1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/.exec(keyring) ?? [];
    const bytes = text === undefined ? null : fromBase64url(text);
    if (id === undefined || bytes === null || bytes.length <= NONCE) throw damaged();
    return { id, bytes };
  }

  async function wrap(conversation: string, raw: Uint8Array<ArrayBuffer>): Promise<string> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE));
    const additionalData = boundTo(FORMAT, conversation, "key", current);
    const wrapped = await crypto.subtle.encrypt({ name: AES, iv, additionalData }, await master(current), raw);
    const bytes = new Uint8Array(NONCE + wrapped.byteLength);
    bytes.set(iv);
    bytes.set(new Uint8Array(wrapped), NONCE);
    return `${FORMAT}.${current}.${base64url(bytes)}`;
  }

  async function open(conversation: string, keyring: string): Promise<Uint8Array<ArrayBuffer>> {
    const { id, bytes } = parts(keyring);
    const key = await master(id);
    const additionalData = boundTo(FORMAT, conversation, "key", id);
    try {
      const iv = bytes.subarray(0, NONCE);
      return new Uint8Array(await crypto.subtle.decrypt({ name: AES, iv, additionalData }, key, bytes.subarray(NONCE)));
    } catch (cause) {
      throw damaged(cause);
    }
  }

  const usable = (raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
    crypto.subtle.importKey("raw", raw, AES, false, ["encrypt", "decrypt"]);

  return {
    current,
    ids: given.map(({ id }) => id),
    async create(conversation) {
      const raw = crypto.getRandomValues(new Uint8Array(32));
      const [key, keyring] = await Promise.all([usable(raw), wrap(conversation, raw)]);
      return { key, keyring };
    },
    async unwrap(conversation, keyring) {
      return { key: await usable(await open(conversation, keyring)), keyring };
    },
    async rewrap(conversation, keyring) {
      if (parts(keyring).id === current) return null;
      return wrap(conversation, await open(conversation, keyring));
    },
    masterOf: (keyring) => parts(keyring).id,
  };
}
