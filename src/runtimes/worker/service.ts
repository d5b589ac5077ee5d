/** The service of some bindings: a manager over their stores, opened once for each isolate and again when shared settings change. */
import { waitUntil } from "cloudflare:workers";
import type { ConversationManager } from "../../core/manager.ts";
import { checkSettings, type CheckedSettings } from "../check-settings.ts";
import type { ApiKeys } from "../../security/api-keys.ts";
import { checkEncryption, sealedStores } from "../encrypt-stores.ts";
import { hasWorkingKey, serviceKeys } from "../guard.ts";
import { SETTINGS } from "../node/settings.ts";
import { BINDINGS, variablesOf, type Env } from "./env.ts";
import { createKeyCheck, type KeyCheck } from "./key-check.ts";
import { createLog, type Log } from "./log.ts";
import { managerOver, secretOf } from "./open-manager.ts";
import { openStores, type OpenStores } from "./open-stores.ts";
import { createSharedConfig, type SharedConfig } from "./shared-config.ts";

/** What runs over some bindings. */
export interface Service {
  readonly settings: CheckedSettings;
  readonly manager: ConversationManager;
  readonly moving: OpenStores["moving"];
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly keys: ApiKeys;
  readonly log: Log;
  /** When this isolate first saw these bindings, epoch milliseconds. */
  readonly startedAt: number;
}

/** What is kept of some bindings between requests. */
interface Kept {
  readonly shared: SharedConfig;
  readonly startedAt: number;
  opened: Opened | null;
}

/** A service, and what is still to be found out about it. */
interface Opened {
  readonly set: ReadonlyMap<string, string>;
  readonly service: Service;
  readonly keyCheck: KeyCheck;
}

/** More at once than any Worker has; what is beyond is opened anew. */
const MOST = 8;

/** What is set that only a server on Node has a use for. */
const OF_NODE = ["HOST", "PORT", "DATABASE_URL", "DATABASE_POOL_SIZE", "HOT_STORE_URL", "TRUSTED_PROXIES"] as const;

/** Cloudflare notifies of Workers that fail; what they log has the rest. */
const OF_ALERTS = ["ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "WEBHOOK_ALLOW_PRIVATE"] as const;

/** Cloudflare keeps copies of its own; the command line backs up what is on Node. */
const OF_BACKUPS = ["BACKUP_ENABLED", "BACKUP_INTERVAL_HOURS", "BACKUP_RETENTION_DAYS", "BACKUP_TARGET"] as const;

/** Bindings are the same object in every request of an isolate, though `env` need not be. */
const numbers = new WeakMap<object, number>();
let counted = 0;

function numberOf(binding: unknown): number {
  if (typeof binding !== "object" || binding === null) return 0;
  const known = numbers.get(binding) ?? ++counted;
  numbers.set(binding, known);
  return known;
}

function keyOf(env: Env, set: ReadonlyMap<string, string>): string {
  return JSON.stringify([BINDINGS.map((name) => numberOf(env[name])), [...set].map(([name, text]) => `${name}=${text}`).toSorted()]);
}

/** Services by their bindings and variables. */
export interface Services {
  /** Throws `ConfigurationError`, and `StoreUnavailableError` while a store cannot be opened. */
  of(env: Env): Promise<Service>;
}

/** A keeper of services. */
export function createServices(clock: () => number = () => Date.now()): Services {
  const all = new Map<string, Kept>();

  function keptOf(env: Env): Kept {
    const set = variablesOf(env);
    const key = keyOf(env, set);
    let kept = all.get(key);
    if (!kept) {
      // What is wrong with the variables themselves is told before anything is kept.
      const { logLevel } = checkSettings(set);
      const log = createLog(logLevel);
      const alert = (sentence: string, error?: unknown) =>
        log.warn({ alert: "shared_config", ...(error === undefined ? {} : { err: error }) }, sentence);
      kept = { shared: createSharedConfig(set, env.SHARED_CONFIG, alert, clock), startedAt: clock(), opened: null };
      all.set(key, kept);
      if (all.size > MOST) all.delete(all.keys().next().value!);
    }
    return kept;
  }

  return {
    async of(env) {
      const kept = keptOf(env);
      const set = await kept.shared.variables();
      // Promises are not shared between requests: one that is cancelled would leave the others waiting.
      if (kept.opened?.set !== set) kept.opened = { set, ...(await open(env, set, kept.startedAt, clock)) };
      const { service, keyCheck } = kept.opened;
      await keyCheck.ask();
      return service;
    },
  };
}

async function open(env: Env, set: ReadonlyMap<string, string>, startedAt: number, clock: () => number): Promise<Omit<Opened, "set">> {
  const settings = checkSettings(set);
  const log = createLog(settings.logLevel);
  for (const name of OF_NODE)
    if (settings.given.has(name)) log.warn({}, `${name} has no effect: on Workers, bindings say where things are`);
  for (const name of OF_BACKUPS) if (settings.given.has(name)) log.warn({}, `${name} has no effect: Workers make no backups`);
  for (const name of OF_ALERTS) if (settings.given.has(name)) log.warn({}, `${name} has no effect: Workers send no alerts`);
  // Sessions, which Node's server has none of, do start anew here.
  for (const warning of settings.warnings) if (!warning.startsWith(SETTINGS.resumeHours.name)) log.warn({}, warning);
  const { stores, keyRecords, moving } = await openStores(env, settings);
  const secret = await secretOf(env, settings, stores);
  const unknown = (error: unknown) =>
    log.warn({ err: error }, "whether the encryption keys are the right ones is not known: their store does not answer");
  const keyCheck = createKeyCheck(() => checkEncryption(settings, stores), unknown, clock);
  const sealed = sealedStores(settings, stores, (error, during) => log.error({ err: error, during }, "failed off the request path"));
  const notNoted = (error: unknown) => log.warn({ err: error }, "the use of a key was not noted");
  const keys = serviceKeys(settings, secret, keyRecords, notNoted, waitUntil);
  if (settings.environment !== "development" && (settings.apiKeys ?? []).length === 0) waitUntil(tellOfNoKey(keys, settings, log));
  const service = { settings, manager: managerOver(sealed, settings, secret, log), moving, secret, keys, log, startedAt };
  return { service, keyCheck };
}

/** A Worker cannot refuse to start; without keys it refuses everybody, and its log says what to do. */
async function tellOfNoKey(keys: ApiKeys, { environment }: CheckedSettings, log: Log): Promise<void> {
  try {
    if (await hasWorkingKey(keys)) return;
    const how = "make one with: npx itera keys create --scope admin --for-config, and set it with: npx wrangler secret put API_KEYS";
    log.error({}, `API_KEYS: there is no API key, and ENVIRONMENT is ${environment}, which answers nobody without one; ${how}`);
  } catch (error) {
    log.warn({ err: error }, "whether there is an API key is not known: their store does not answer");
  }
}
