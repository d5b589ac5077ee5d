/** The addresses of stores, `sqlite:…`, `postgresql://…`, `redis://…`, as what they name. */
import { BadValue } from "./setting.ts";

/** What the database can be: a file, or a server whose address (which may hold a password) is kept as it is. */
export type DatabaseUrl = { readonly engine: "sqlite"; readonly path: string } | { readonly engine: "postgresql"; readonly url: string };

/** A Redis with what its address says of it. */
export interface RedisUrl {
  readonly engine: "redis";
  /** Without the options. */
  readonly url: string;
  /** What its keys begin with; undefined: the usual. */
  readonly prefix: string | undefined;
  /** It is one node of a cluster, which names the others. */
  readonly cluster: boolean;
  /** It may serve in production although a crash can lose what was acknowledged. */
  readonly allowLoss: boolean;
  /** So many replicas must have a write before it is acknowledged. */
  readonly waitReplicas: number;
  /** A file with the certificates of authorities that are trusted. */
  readonly caFile: string | undefined;
}

/** What an address names. */
export type StoreUrl = DatabaseUrl | RedisUrl;

const FORMS = "give sqlite:./data/conversations.db or another file, or postgresql://user:password@host/database";

/**
 * Reads an address. After `sqlite:` stands a path, relative to the working directory (`sqlite:data/x.db`,
 * `sqlite:./data/x.db`) or absolute (`sqlite:/srv/x.db`, `sqlite:///srv/x.db`), taken as it is: nothing is decoded, and
 * there are no options. `sqlite::memory:` is refused: a server that forgets at its stop is no store, and its parts
 * (the worker that writes, the command line) would each have a memory of their own.
 *
 * Those of servers are the usual ones, with their usual options. A Redis takes `prefix`, `cluster=true`, `allow_loss=true`,
 * `wait_replicas=N` and `sslrootcert=FILE`.
 */
export function storeUrl(given: string): StoreUrl {
  if (/^sqlite:/i.test(given)) return sqlite(given.slice("sqlite:".length));
  const engine = /^postgres(ql)?:\/\//i.test(given) ? "postgresql" : /^rediss?:\/\//i.test(given) ? "redis" : null;
  if (engine === null) throw new BadValue("its scheme is not known", FORMS);
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null)
    throw new BadValue(
      "it cannot be read",
      "write what is special in user or password as %XX (# as %23, / as %2F, @ as %40), and a port below 65536",
    );
  const named = url.hostname !== "" || (engine === "postgresql" && url.searchParams.has("host"));
  if (!named) throw new BadValue("it names no host", `give ${engine}://user:password@host/…`);
  return engine === "redis" ? redis(url) : postgresql(given, url);
}

/** The same of the database, which Redis cannot be. */
export function databaseUrl(given: string): DatabaseUrl {
  const named = storeUrl(given);
  if (named.engine === "redis") throw new BadValue("Redis keeps live conversations alone", `set HOT_STORE_URL to it; here ${FORMS}`);
  return named;
}

function sqlite(rest: string): StoreUrl {
  if (rest.startsWith(":") || rest === "")
    throw new BadValue(rest === "" ? "it names no file" : "a database in memory is lost when the server stops", FORMS);
  if (rest.includes("\0") || rest.includes("?") || rest.includes("#"))
    throw new BadValue("a path with ? or # is not taken, and there are no options", FORMS);
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  if (path.startsWith("//"))
    throw new BadValue("a file has no host", "give sqlite:/path/to/file for an absolute path, sqlite:./path for a relative one");
  if (path.endsWith("/")) throw new BadValue("it names a folder", FORMS);
  return { engine: "sqlite", path };
}

const SSL_MODES = ["disable", "no-verify", "require", "verify-ca", "verify-full"];

/** What may stand in the address of a PostgreSQL: a slip in the name of one must not quietly make a connection without TLS. */
const POSTGRES_OPTIONS = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "options",
  "host",
  "port",
  "application_name",
  "fallback_application_name",
  "connect_timeout",
  "client_encoding",
];

function postgresql(given: string, url: URL): StoreUrl {
  if (url.pathname.length < 2) throw new BadValue("it names no database", "give postgresql://user:password@host/database");
  for (const name of url.searchParams.keys()) {
    if (!POSTGRES_OPTIONS.includes(name))
      throw new BadValue("it has an option that is not known", `there are ${POSTGRES_OPTIONS.join(", ")}`);
  }
  const mode = url.searchParams.get("sslmode");
  if (mode === "prefer" || mode === "allow")
    throw new BadValue(
      `sslmode=${mode} lets whoever is in between choose a connection without TLS`,
      "give sslmode=require or better, or sslmode=disable",
    );
  if (mode !== null && !SSL_MODES.includes(mode)) throw new BadValue("its sslmode is not known", `give one of ${SSL_MODES.join(", ")}`);
  if (mode === "verify-ca" && !url.searchParams.has("sslrootcert"))
    throw new BadValue("sslmode=verify-ca needs sslrootcert", "name the file with the authority's certificate, or use sslmode=verify-full");
  return { engine: "postgresql", url: given };
}

/** A switch of an address. */
function flag(url: URL, name: string): boolean {
  const text = url.searchParams.get(name) ?? "false";
  if (text !== "true" && text !== "false") throw new BadValue(`its ${name} is neither true nor false`, `give ${name}=true or leave it out`);
  return text === "true";
}

const REDIS_OPTIONS = ["prefix", "cluster", "allow_loss", "wait_replicas", "sslrootcert"];

function redis(url: URL): StoreUrl {
  for (const name of url.searchParams.keys()) {
    if (!REDIS_OPTIONS.includes(name)) throw new BadValue("it has an option that is not known", `there are ${REDIS_OPTIONS.join(", ")}`);
  }
  if (!/^(\/\d*)?$/.test(url.pathname)) throw new BadValue("what follows its host is no number of a database", "give redis://host:6379/0");
  const prefix = url.searchParams.get("prefix") ?? undefined;
  if (prefix !== undefined && !/^[\x21-\x7a|~]{1,64}$/.test(prefix))
    throw new BadValue("its prefix cannot begin keys", "give 1 to 64 visible ASCII characters without braces");
  const replicas = url.searchParams.get("wait_replicas") ?? "0";
  if (!/^\d{1,2}$/.test(replicas)) throw new BadValue("its wait_replicas is no small number", "give wait_replicas=1 or leave it out");
  const bare = new URL(url);
  bare.search = "";
  return {
    engine: "redis",
    url: bare.href,
    prefix,
    cluster: flag(url, "cluster"),
    allowLoss: flag(url, "allow_loss"),
    waitReplicas: Number(replicas),
    caFile: url.searchParams.get("sslrootcert") ?? undefined,
  };
}

/** Which database of which server; who calls there, and how, makes no difference. */
function placeOf(text: string): string {
  const url = new URL(text);
  const option = (name: string): string => url.searchParams.get(name) ?? "";
  const host = (option("host") || url.hostname).toLowerCase();
  return [host, option("port") || url.port || "5432", decodeURIComponent(url.pathname), option("options")].join("\n");
}

/** Whether two addresses (their paths absolute) name one database. */
export function sameDatabase(a: StoreUrl, b: StoreUrl): boolean {
  if (a.engine === "sqlite" && b.engine === "sqlite") return a.path === b.path;
  return a.engine === "postgresql" && b.engine === "postgresql" && placeOf(a.url) === placeOf(b.url);
}

const NAMES = { postgresql: "PostgreSQL", redis: "Redis" } as const;

/** What a store is called towards people: the path of a file, or the name of the engine, never an address. */
export function nameOf(store: StoreUrl): string {
  return store.engine === "sqlite" ? store.path : NAMES[store.engine];
}
