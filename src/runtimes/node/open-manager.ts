/** From a configuration to a manager over open stores: what server and command line share. */
import type { ApiKeys } from "../../security/api-keys.ts";
import { checkEncryption, sealedStores } from "../encrypt-stores.ts";
import { serviceKeys } from "../guard.ts";
import { managerOptions } from "../manager-options.ts";
import type { RateLimiter } from "../../core/rate-limiter.ts";
import { ConversationManager } from "../../core/manager.ts";
import type { ManagerOptions } from "../../core/settings.ts";
import type { Stores } from "../../core/stores.ts";
import { checkBackups } from "./check-backups.ts";
import type { Config } from "./config.ts";
import { openStoresAt, type OpenStores, type OpenStoresOptions } from "./open-stores.ts";
import { serviceSecret } from "./service-secret.ts";

/**
 * How stores are opened. `create` (default true): make the database if it is not there; else that is an error. `stores`:
 * take these instead of the configured ones.
 */
export interface OpenOptions extends Pick<ManagerOptions, "onEvent" | "onError">, OpenStoresOptions {
  stores?: Stores;
  /** Wraps the engines' stores, below encryption: to watch them. */
  wrap?: (stores: Stores) => Stores;
}

/** A manager over open stores, and what goes with it. */
export interface OpenService {
  readonly manager: ConversationManager;
  /** The same for jobs, over connections that wait longer. */
  readonly jobs: ConversationManager;
  /** The stores of `jobs` as they are, sealed where there is encryption: for backups. */
  readonly stored: Stores;
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly keys: ApiKeys;
  readonly limiter: RateLimiter | null;
  /** Makes ahead what the archive will need. */
  readonly prepare: () => Promise<void>;
  /** The files that conversations are kept in. */
  readonly files: readonly string[];
  /** How the engines are doing. */
  readonly figures: OpenStores["figures"];
}

/** Opens the configured stores. Throws what `openStoresAt` throws. */
export function openStores(config: Config, options: OpenStoresOptions = {}): Promise<OpenStores> {
  return openStoresAt(config, options);
}

function given(stores: Stores): OpenStores {
  const close = async (): Promise<void> => {
    await stores.hot.close();
    await stores.archive?.close();
  };
  return { stores, jobs: stores, limiter: null, prepare: async () => {}, files: [], figures: () => ({}), close };
}

/** Opens the stores and puts managers over them. Closing either manager closes the stores. */
export async function openService(config: Config, options: OpenOptions = {}): Promise<OpenService> {
  const opened = options.stores ? given(options.stores) : await openStores(config, options);
  const { limiter, prepare, files, figures, close } = opened;
  const wrap = options.wrap ?? ((stores: Stores) => stores);
  const stores = wrap(opened.stores);
  const jobs = opened.jobs === opened.stores ? stores : wrap(opened.jobs);
  try {
    const { onEvent, onError } = options;
    const secret = await serviceSecret(config, stores.records);
    const over = (these: Stores): ConversationManager =>
      new ConversationManager(these, {
        ...managerOptions(config, secret),
        ...(onEvent && { onEvent }),
        ...(onError && { onError }),
      });
    const failed = onError ?? (() => {});
    await checkEncryption(config, stores);
    // Who answers requests serves; commands work on a database that cannot be served, too.
    if (options.patience === "request") await checkBackups(config, stores.records);
    const keys = serviceKeys(config, secret, stores.records, (error) => failed(error, "noting the use of a key"));
    const manager = over(sealedStores(config, stores, failed));
    return {
      manager,
      jobs: jobs === stores ? manager : over(sealedStores(config, jobs, failed)),
      stored: jobs,
      secret,
      keys,
      limiter,
      prepare,
      files,
      figures,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens the stores and puts a manager over them, for commands. Closing the manager closes them. */
export async function openManager(config: Config, options: OpenOptions = {}): Promise<ConversationManager> {
  return (await openService(config, options)).manager;
}
