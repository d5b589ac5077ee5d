/** People, found by what their conversations say of them: keyed hashes of the values under `SUBJECT_KEYS`. */
import type { Json } from "./json.ts";
import { getOwn, isJsonObject } from "./json.ts";

/** The keys of metadata (and of `leadData`) that name a person, unless configured otherwise. */
export const DEFAULT_SUBJECT_KEYS: readonly string[] = ["email", "phone", "visitorId"];

/** Short words count only as words of their own: a hotel has no telephone in its name. */
const PHONE_KEY = /phone|telefono|cellulare|(?:^|[_-])(?:tel|cell|mobile)(?![a-z])/;

const REMEMBERED = 256;

/**
 * One form for what means the same: trimmed; e-mails in lower case; telephones by digits and a leading +; the rest exactly.
 * An e-mail is what stands under a key that speaks of mail, a telephone what has digits under one that speaks of phones.
 */
export function normalizeSubject(key: string, value: string): string {
  const trimmed = value.trim();
  if (/mail/i.test(key)) return trimmed.toLowerCase();
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
  if (!PHONE_KEY.test(words)) return trimmed;
  const digits = trimmed.replaceAll(/\D/g, "");
  return digits === "" ? trimmed : (trimmed.startsWith("+") ? "+" : "") + digits;
}

/** Finds and hashes the subjects of a conversation's data. */
export interface SubjectHasher {
  /** The hash under which a person is found. */
  hash(key: string, value: string): Promise<string>;
  /** The hashes of all subjects in metadata and in the session's `leadData`. */
  of(metadata: Json, session: Json): Promise<string[]>;
}

/** A hasher for these keys. Values are texts or numbers, or lists of them. */
export function createSubjectHasher(keys: readonly string[], digest: (text: string) => Promise<string>): SubjectHasher {
  // A chatbot sends the same leadData with every turn; the newest few hashes are remembered.
  const known = new Map<string, Promise<string>>();

  function hash(key: string, value: string): Promise<string> {
    const text = `subject\n${key}\n${normalizeSubject(key, value)}`;
    let hashed = known.get(text);
    if (!hashed) {
      hashed = digest(text);
      known.set(text, hashed);
      if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
    }
    return hashed;
  }

  function collect(source: unknown, into: Promise<string>[]): void {
    if (!isJsonObject(source)) return;
    for (const key of keys) {
      const found = getOwn(source, key);
      for (const value of Array.isArray(found) ? found : [found]) {
        const text = typeof value === "number" ? String(value) : value;
        if (typeof text === "string" && normalizeSubject(key, text) !== "") into.push(hash(key, text));
      }
    }
  }

  return {
    hash,
    async of(metadata, session) {
      const hashes: Promise<string>[] = [];
      collect(metadata, hashes);
      collect(isJsonObject(metadata) ? getOwn(metadata, "leadData") : undefined, hashes);
      collect(isJsonObject(session) ? getOwn(session, "leadData") : undefined, hashes);
      return hashes.length === 0 ? [] : [...new Set(await Promise.all(hashes))];
    },
  };
}
