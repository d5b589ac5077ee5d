/** A manager as a Worker's settings have it: what requests, cron, alarms of objects and chatbots' sessions work with. */
import { durableObjectRecords } from "../../adapters/durable-objects/records.ts";
import type { HotStore } from "../../core/hot-store.ts";
import { ConversationManager } from "../../core/manager.ts";
import type { Stores } from "../../core/stores.ts";
import { checkSettings, type CheckedSettings } from "../check-settings.ts";
import { sealedStores } from "../encrypt-stores.ts";
import { managerOptions } from "../manager-options.ts";
import { openBehind } from "./behind.ts";
import { developmentSecret } from "./development-secret.ts";
import { variablesOf, type Env } from "./env.ts";
import { createLog, type Log } from "./log.ts";

/** The service's secret. In development one that was not given is kept in objects, if those are bound: they answer while a database is away. */
export async function secretOf(
  env: Env,
  settings: CheckedSettings,
  { records }: Pick<Stores, "records">,
): Promise<Uint8Array<ArrayBuffer>> {
  if (settings.secret) return settings.secret;
  const { CONVERSATIONS, SHARED_CONFIG, CHAT_SESSIONS } = env;
  return developmentSecret(CONVERSATIONS ? durableObjectRecords({ namespace: CONVERSATIONS }) : records, SHARED_CONFIG ?? CHAT_SESSIONS);
}

/** A manager over stores. Its events and its failures off the request path are logged. */
export function managerOver(stores: Stores, settings: CheckedSettings, secret: Uint8Array<ArrayBuffer>, log: Log): ConversationManager {
  return new ConversationManager(stores, {
    ...managerOptions(settings, secret),
    // None are made here.
    backupRetentionDays: null,
    onEvent: (id, { type, details }) =>
      log[type === "updated" ? "debug" : "info"]({ conversation: id, event: type, details }, `[CONVERSATION] ${type.toUpperCase()}`),
    onError: (error, during) => log.error({ err: error, during }, "failed off the request path"),
  });
}

/** The manager with which the alarm of an object works: over the object's own hot store, and the archive, directory and records that `env` binds. */
export async function objectManager(env: Env, hot: HotStore): Promise<ConversationManager> {
  const settings = checkSettings(variablesOf(env));
  const stores: Stores = { hot, ...(await openBehind(env, settings)) };
  const log = createLog(settings.logLevel);
  // What is sealed must not reach the search index as it is.
  const sealed = sealedStores(settings, stores, (error, during) => log.error({ err: error, during }, "failed off the request path"));
  return managerOver(sealed, settings, await secretOf(env, settings, stores), log);
}
