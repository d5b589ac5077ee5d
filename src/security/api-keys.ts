/** API keys: made, listed, revoked, rotated and recognised. Of a key only a keyed hash is stored. */
import { ConflictError, InvalidInputError, NotSupportedError, UnauthorizedError } from "../core/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Records } from "../core/records.ts";
import { makeApiKey, parseApiKey, type KeyScope, type KeyText } from "./api-key-text.ts";
import { base64url, createMac } from "./mac.ts";

/** What is known of a key. Times are epoch milliseconds. */
export interface ApiKey {
  /** The public part, by which it is named. */
  readonly id: string;
  readonly scope: KeyScope;
  /** What an operator calls it. */
  readonly name: string;
  /** Of a site key: the origins it works on; empty: all that the server allows. */
  readonly origins: readonly string[];
  readonly created: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** To within a minute or two. */
  readonly lastUsed: number | null;
  /** The key that was made in its place. */
  readonly replacedBy: string | null;
  /** Given by configuration: it comes back with it. */
  readonly configured: boolean;
}

/** What a new key is to be. */
export interface NewApiKey {
  scope: KeyScope;
  name?: string;
  origins?: readonly string[];
  /** Epoch milliseconds; absent: it does not end. */
  expiresAt?: number;
}

/** The keys of a service. */
export interface ApiKeys {
  /** The key's text is answered here and never again. */
  create(wanted: NewApiKey): Promise<{ key: string; data: ApiKey }>;
  /** All of them, revoked and ended ones too, oldest first. */
  list(): Promise<ApiKey[]>;
  /** From now on (elsewhere within 5 s) it is refused. Null: unknown. Repeating it changes nothing. */
  revoke(id: string): Promise<ApiKey | null>;
  /** Makes a key like it; the old one ends after the overlap, in milliseconds. Null: unknown. Throws `ConflictError` for what is revoked, ended or rotated. */
  rotate(id: string, overlapMs: number): Promise<{ key: string; data: ApiKey; replaced: ApiKey } | null>;
  /** Who this key is. Throws `UnauthorizedError`. */
  recognise(key: KeyText): Promise<ApiKey>;
}

/** What keys need. */
export interface ApiKeysOptions {
  /** Null: only configured keys work, and none can be made. */
  readonly records: Records | null;
  /** The service's secret, from which the pepper of the hashes is derived. */
  readonly secret: Uint8Array<ArrayBuffer>;
  /** Keys given by configuration, whole. */
  readonly configured?: readonly string[];
  readonly clock?: () => number;
  /** Told when noting the last use failed, which harms no request. */
  readonly onError?: (error: unknown) => void;
  /** Given work that goes on after the request, where a runtime would end it with the request. It never fails. */
  readonly later?: (work: Promise<unknown>) => void;
}

interface Stored {
  readonly data: ApiKey;
  readonly hash: string;
}

const KIND = "key";
/** Less than the 5 s in which a revocation has to be known everywhere. */
const REMEMBERED_MS = 4_000;
const REMEMBERED_KEYS = 2_000;
const USE_NOTED_MS = 60_000;
const PAGE = 100;
const NAME = 100;

const encoder = new TextEncoder();

const NO_STORE =
  "This store keeps no API keys; give them by configuration (API_KEYS), or use a store that does (on Workers: bind CONVERSATIONS)";

function toJson({ data, hash }: Stored): Json {
  const { id: _, origins, ...rest } = data;
  return { ...rest, origins: [...origins], hash };
}

function fromJson(id: string, value: Json): Stored | null {
  if (!isJsonObject(value) || typeof value.hash !== "string") return null;
  const { hash, ...rest } = value as JsonObject & { hash: string };
  return { hash, data: { ...(rest as unknown as Omit<ApiKey, "id">), id } };
}

function checked({ scope, name = "", origins = [], expiresAt }: NewApiKey, now: number): Omit<ApiKey, "id"> {
  if (name.length > NAME || !name.isWellFormed() || /\p{Cc}/u.test(name)) {
    throw new InvalidInputError(`name must be a text of at most ${NAME} characters, without control characters`);
  }
  if (origins.length > 0 && scope !== "site") throw new InvalidInputError("origins are for site keys alone");
  if (expiresAt !== undefined && !(expiresAt > now)) throw new InvalidInputError("the expiry must lie in the future");
  return {
    scope,
    name,
    origins: [...origins],
    created: now,
    expiresAt: expiresAt ?? null,
    revokedAt: null,
    lastUsed: null,
    replacedBy: null,
    configured: false,
  };
}

/** The keys over a store. */
export function createApiKeys({
  records,
  secret,
  configured = [],
  clock = Date.now,
  onError = () => {},
  later = () => {},
}: ApiKeysOptions): ApiKeys {
  const mac = createMac(secret, "api key");
  const hashOf = async (text: string): Promise<string> => base64url(await mac(encoder.encode(text)));
  const given = new Map(configured.map((text) => [parseApiKey(text)?.publicPart ?? "", text]));
  const remembered = new Map<string, { stored: Stored | null; at: number }>();
  const noted = new Map<string, number>();

  async function givenKey(id: string): Promise<Stored | null> {
    const text = given.get(id);
    const parsed = text === undefined ? null : parseApiKey(text);
    if (text === undefined || parsed === null) return null;
    const data = { ...checked({ scope: parsed.scope, name: "from the configuration" }, 0), id, configured: true };
    return { data, hash: await hashOf(text) };
  }

  async function find(id: string): Promise<{ stored: Stored; version: number } | null> {
    const [record, own] = await Promise.all([records?.get(KIND, id) ?? null, givenKey(id)]);
    const kept = record && fromJson(id, record.value);
    const version = record?.version ?? 0;
    // Of a configured key the record tells its use and its end alone: it goes with the configuration, and outlives another secret.
    if (own) return { stored: kept ? { data: kept.data, hash: own.hash } : own, version };
    return kept && !kept.data.configured ? { stored: kept, version } : null;
  }

  async function lookUp(id: string): Promise<Stored | null> {
    const now = clock();
    const known = remembered.get(id);
    if (known && Math.abs(now - known.at) < REMEMBERED_MS) return known.stored;
    const stored = (await find(id))?.stored ?? null;
    if (remembered.size >= REMEMBERED_KEYS) remembered.clear();
    remembered.set(id, { stored, at: now });
    return stored;
  }

  /** Writes over what is there, once more if somebody was faster. Null: unknown. */
  async function change(id: string, to: (data: ApiKey) => ApiKey): Promise<ApiKey | null> {
    if (!records) throw new NotSupportedError(NO_STORE);
    for (;;) {
      const found = await find(id);
      if (!found) return null;
      const data = to(found.stored.data);
      if (data === found.stored.data) return data;
      const stored = { ...found.stored, data };
      const { won } = await records.put(KIND, id, toJson(stored), { ifVersion: found.version });
      remembered.delete(id);
      if (won) return data;
    }
  }

  function noteUse({ data }: Stored): void {
    const now = clock();
    if (!records || (data.lastUsed !== null && now - data.lastUsed < USE_NOTED_MS)) return;
    // Of all requests within a minute one is enough.
    if (now - (noted.get(data.id) ?? -Infinity) < USE_NOTED_MS) return;
    noted.set(data.id, now);
    const noting = change(data.id, (current) =>
      current.revokedAt !== null || (current.lastUsed !== null && now - current.lastUsed < USE_NOTED_MS)
        ? current
        : { ...current, lastUsed: now },
    ).catch(onError);
    later(noting);
  }

  async function create(wanted: NewApiKey): Promise<{ key: string; data: ApiKey }> {
    if (!records) throw new NotSupportedError(NO_STORE);
    const fields = checked(wanted, clock());
    for (;;) {
      const { publicPart, text } = makeApiKey(wanted.scope);
      const data = { ...fields, id: publicPart };
      const { won } = await records.put(KIND, publicPart, toJson({ data, hash: await hashOf(text) }), { ifVersion: 0 });
      remembered.delete(publicPart);
      if (won) return { key: text, data };
    }
  }

  return {
    create,

    async list() {
      const all = new Map<string, ApiKey>();
      for (const id of given.keys()) {
        const stored = await givenKey(id);
        if (stored) all.set(id, stored.data);
      }
      for (let after: string | null = null; records;) {
        const page = await records.list(KIND, after, PAGE);
        for (const { key, value } of page) {
          const stored = fromJson(key, value);
          if (stored && (!stored.data.configured || given.has(key))) all.set(key, stored.data);
        }
        if (page.length < PAGE) break;
        after = page.at(-1)!.key;
      }
      return [...all.values()].toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
    },

    revoke: (id) => change(id, (data) => (data.revokedAt === null ? { ...data, revokedAt: clock() } : data)),

    async rotate(id, overlapMs) {
      const old = (await find(id))?.stored.data;
      if (!old) return null;
      const now = clock();
      if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now)) {
        throw new ConflictError("This key is revoked or has ended; make a new one");
      }
      if (old.replacedBy !== null) throw new ConflictError(`This key was rotated already; its successor is ${old.replacedBy}`);
      const { key, data } = await create({ scope: old.scope, name: old.name, origins: old.origins });
      const ends = Math.min(old.expiresAt ?? Infinity, now + overlapMs);
      const replaced = await change(id, (current) =>
        current.replacedBy === null ? { ...current, expiresAt: ends, replacedBy: data.id } : current,
      );
      if (replaced?.replacedBy === data.id) return { key, data, replaced };
      // Somebody rotated it at the same time: one successor is enough.
      await change(data.id, (current) => ({ ...current, revokedAt: clock() }));
      throw new ConflictError(`This key was rotated already; its successor is ${replaced?.replacedBy ?? "unknown"}`);
    },

    async recognise(key) {
      const [stored, hash] = await Promise.all([lookUp(key.publicPart), hashOf(key.text)]);
      // Of two hashes under a key that nobody else has, a comparison in time tells nothing, but costs as little.
      const known = stored !== null && equalTexts(stored.hash, hash) && stored.data.scope === key.scope;
      if (!known) throw new UnauthorizedError("The API key is not known");
      const { data } = stored;
      if (data.revokedAt !== null) throw new UnauthorizedError("The API key was revoked");
      if (data.expiresAt !== null && data.expiresAt <= clock()) throw new UnauthorizedError("The API key has ended");
      noteUse(stored);
      return data;
    },
  };
}

/** Whether two texts of ASCII are equal, in a time that does not tell where they differ. */
function equalTexts(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
