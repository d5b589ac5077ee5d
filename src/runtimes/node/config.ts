/** The configuration: read from the environment and `.env`, checked as a whole, every fault named at once. */
import { resolve } from "node:path";
import { checkSetting, checkSettings, type CheckedSettings } from "../check-settings.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { readEnvFile } from "./env-file.ts";
import type { SettingValues } from "./settings.ts";
import { sameDatabase, type DatabaseUrl, type StoreUrl } from "./store-url.ts";

/** All that can be configured, with defaults filled in. */
export interface Config extends CheckedSettings {
  /** Where archive, directory and records are; the path of a file is absolute. */
  readonly database: DatabaseUrl;
  /** Where live conversations are, if that is another place than the database. */
  readonly hotStore: StoreUrl | null;
  /** What relative paths are relative to. */
  readonly folder: string;
  /** The variables of AWS that are set, for backups in a bucket. */
  readonly aws: Readonly<Record<string, string>>;
}

/** Where configuration is read from. */
export interface ConfigSource {
  /** `process.env` by default. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where `.env` and relative paths are; the working directory by default. */
  folder?: string;
}

/**
 * The variables that are set: the environment's, else those of `.env`. An empty one counts as unset, and in the
 * environment it also unsets what `.env` has. Throws `ConfigurationError` if `.env` is there and cannot be read.
 */
function variables({ env = process.env, folder = process.cwd() }: ConfigSource): Map<string, string> {
  let file: Record<string, string>;
  try {
    file = readEnvFile(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new ConfigurationError([
      { variable: ".env", wrong: `the file cannot be read (${code})`, right: "make it readable or remove it" },
    ]);
  }
  return new Map(
    Object.entries({ ...file, ...env }).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== ""),
  );
}

/** The same with the path of a file made absolute. */
export function resolved<U extends StoreUrl>(store: U, folder: string = process.cwd()): U {
  return store.engine === "sqlite" ? { ...store, path: resolve(folder, store.path) } : store;
}

/**
 * Reads and checks the whole configuration. Throws `ConfigurationError` with every fault.
 *
 * @example
 * const config = readConfig({ env: { PORT: "0" }, folder: "/srv/chats" });
 */
export function readConfig(source: ConfigSource = {}): Config {
  const set = variables(source);
  const checked = checkSettings(set);
  const folder = source.folder ?? process.cwd();
  const database = resolved(checked.database, folder);
  const hotStore = checked.hotStore && resolved(checked.hotStore, folder);
  return {
    ...checked,
    database,
    hotStore: hotStore && sameDatabase(hotStore, database) ? null : hotStore,
    folder,
    aws: Object.fromEntries([...set].filter(([name]) => name.startsWith("AWS_"))),
  };
}

/** One value by itself, for what needs no more of the configuration. Throws `ConfigurationError`. */
export function readSetting<K extends keyof SettingValues>(key: K, source: ConfigSource = {}): SettingValues[K] {
  return checkSetting(key, variables(source));
}
