/** Bindings beside KV (objects, D1, Hyperdrive) and encryption: who can open and seal says so here, since this room knows neither their engines nor keys. */
import type { ConversationManager } from "../core/manager.ts";
import type { BareSessions, SessionStoreOptions } from "../sessions/index.ts";

/** A Worker's environment. */
type Bindings = Readonly<Record<string, unknown>>;

/** A manager over the stores that bindings name, and what its sessions are told. The same manager for the same bindings, so that it is not made anew for each request. */
export interface OpenedBindings extends Pick<
  SessionStoreOptions,
  "maxSessionDurationSeconds" | "resumeHours" | "legacySessionPattern" | "onError"
> {
  readonly manager: ConversationManager;
}

/** Opens the bindings of a Worker's environment. Rejects while that is not possible. */
export type OpenBindings = (env: Bindings) => Promise<OpenedBindings>;

/** Seals what lies beside the store under the keys of an environment. Throws if they cannot be read. */
export type SealBare = (env: Bindings, bare: BareSessions) => BareSessions;

/** The bindings of which one, if it is there, decides where conversations are. */
const BESIDE_KV = ["CONVERSATIONS", "CONVERSATIONS_DB", "HYPERDRIVE"] as const;

const ENCRYPTION_KEY = "CONVERSATION_ENCRYPTION_KEY";

let opener: OpenBindings | null = null;
let sealer: SealBare | null = null;
let told = false;

/**
 * From now on sessions of an environment that binds more than KV, or has an encryption key, are in the stores that this opens, and
 * what lies beside them is sealed. `itera-conversations/worker` calls it when it is imported.
 */
export function openBindingsWith(open: OpenBindings, seal: SealBare | null = null): void {
  opener = open;
  sealer = seal;
}

function hasEncryptionKey(env: Bindings): boolean {
  const text = env[ENCRYPTION_KEY];
  return typeof text === "string" && text.trim() !== "";
}

/**
 * How the bindings of an environment are opened; null: it has none beside KV and no encryption key, or nobody here can open
 * them, which is said once. `kv`: where conversations are if KV alone is bound.
 */
export function openerOf(env: Bindings | null | undefined, kv: unknown = env?.["CHAT_SESSIONS"]): (() => Promise<OpenedBindings>) | null {
  if (!env) return null;
  const names = BESIDE_KV.filter((name) => typeof env[name] === "object" && env[name] !== null);
  const kvAlone = names.length === 0;
  if (kvAlone && !hasEncryptionKey(env)) return null;
  if (opener) {
    const open = opener;
    return () => open(kvAlone && env["CHAT_SESSIONS"] !== kv ? { ...env, CHAT_SESSIONS: kv } : env);
  }
  if (!told) {
    told = true;
    console.error(
      kvAlone
        ? `Sessions are stored as they were said although ${ENCRYPTION_KEY} is set: add import "itera-conversations/worker"; to the Worker`
        : `Sessions are kept in KV although ${names.join(", ")} ${names.length === 1 ? "is" : "are"} bound: add import "itera-conversations/worker"; to the Worker`,
    );
  }
  return null;
}

/** What lies beside the store, sealed if the environment has a key. Throws if that cannot be read: nothing may be stored then. */
export function sealedBare(env: Bindings | null | undefined, bare: BareSessions): BareSessions {
  return env && sealer && hasEncryptionKey(env) ? sealer(env, bare) : bare;
}
