/** Bindings beside KV (objects, D1, Hyperdrive): who can open them says so here, since this room knows none of their engines. */
import type { ConversationManager } from "../core/manager.ts";
import type { SessionStoreOptions } from "../sessions/index.ts";

/** A manager over the stores that bindings name, and what its sessions are told. The same manager for the same bindings, so that it is not made anew for each request. */
export interface OpenedBindings extends Pick<
  SessionStoreOptions,
  "maxSessionDurationSeconds" | "resumeHours" | "legacySessionPattern" | "onError"
> {
  readonly manager: ConversationManager;
}

/** Opens the bindings of a Worker's environment. Rejects while that is not possible. */
export type OpenBindings = (env: Readonly<Record<string, unknown>>) => Promise<OpenedBindings>;

/** The bindings of which one, if it is there, decides where conversations are. */
const BESIDE_KV = ["CONVERSATIONS", "CONVERSATIONS_DB", "HYPERDRIVE"] as const;

let opener: OpenBindings | null = null;
let told = false;

/** From now on sessions of an environment that binds more than KV are in the stores that this opens. `itera-conversations/worker` calls it when it is imported. */
export function openBindingsWith(open: OpenBindings): void {
  opener = open;
}

/** How the bindings of an environment are opened; null: it has none beside KV, or nobody here can open them, which is said once. */
export function openerOf(env: Readonly<Record<string, unknown>> | null | undefined): (() => Promise<OpenedBindings>) | null {
  const names = BESIDE_KV.filter((name) => typeof env?.[name] === "object" && env[name] !== null);
  if (names.length === 0 || !env) return null;
  if (opener) {
    const open = opener;
    return () => open(env);
  }
  if (!told) {
    told = true;
    console.error(
      `Sessions are kept in KV although ${names.join(", ")} ${names.length === 1 ? "is" : "are"} bound: add import "itera-conversations/worker"; to the Worker`,
    );
  }
  return null;
}
