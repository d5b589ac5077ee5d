// What servers are set to do with data, looked at when a store is opened: what a crash could lose, said plainly.

import { replyCode, translate } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { infoOf, type Files } from "./scrub.ts";

/** How serious it is: `refuse`: acknowledged messages can be lost, or writes go wrong; `warn`: an operator should know; `info`: as it is. */
export type FindingLevel = "refuse" | "warn" | "info";

/** Something that was found. */
export interface RedisFinding {
  level: FindingLevel;
  /** Names the finding, for programs. */
  code:
    | "version"
    | "eviction"
    | "eviction-unknown"
    | "no-persistence"
    | "snapshots-only"
    | "sync-never"
    | "sync-every-second"
    | "sync-always"
    | "sync-unknown"
    | "persistence-unknown"
    | "aof-failing"
    | "not-primary"
    | "no-replicas"
    | "failover"
    | "cluster-client";
  /** A sentence for people: what it means and what to do. */
  message: string;
}

/** What is known of the servers. Null: it could not be seen. Of a cluster the least of all primaries. */
export interface RedisCheck {
  version: string | null;
  cluster: boolean;
  /** Primaries, and the replicas of the one that has the fewest. */
  primaries: number;
  replicas: number | null;
  appendOnly: boolean | null;
  appendFsync: "always" | "everysec" | "no" | null;
  /** Snapshots are saved from time to time. */
  snapshots: boolean | null;
  maxMemoryPolicy: string | null;
  files: Files;
  /** The most serious first. */
  findings: RedisFinding[];
}

/** The setting of every primary; null where CONFIG is not allowed. */
async function settingOf(link: RedisLink, name: string): Promise<string[] | null> {
  try {
    const answers = await link.sendToAll(["CONFIG", "GET", name]);
    const values = answers.map((answer) => (Array.isArray(answer) ? answer[1] : (answer as { [key: string]: unknown } | null)?.[name]));
    return values.every((value) => typeof value === "string") ? values : null;
  } catch (error) {
    // Managed services rename or forbid it; whatever else the server answers means the same here. No answer at all is another matter.
    if (replyCode(error) === null) throw translate(error);
    return null;
  }
}

async function infosOf(link: RedisLink): Promise<Map<string, string>[]> {
  try {
    return (await link.sendToAll(["INFO"])).map(infoOf);
  } catch (error) {
    if (replyCode(error) === null) throw translate(error);
    return [new Map()];
  }
}

/** Whether the server knows the commands that write its files anew; managed services take them away. */
async function canRewrite(link: RedisLink): Promise<boolean> {
  try {
    const answers = (await link.sendToAll(["COMMAND", "INFO", "BGREWRITEAOF", "BGSAVE"])) as unknown[][];
    return answers.every((known) => known.every((one) => Array.isArray(one)));
  } catch (error) {
    if (replyCode(error) === null) throw translate(error);
    return false;
  }
}

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 6 || (major === 6 && minor < 2);
}

/** What every server says, if all say it; of several the first that `worst` names. */
function leastOf(values: readonly (string | undefined)[], worst: readonly string[]): string | null {
  if (values.some((value) => value === undefined || value === "")) return null;
  return worst.find((one) => values.includes(one)) ?? values[0] ?? null;
}

const ORDER: readonly FindingLevel[] = ["refuse", "warn", "info"];

/** Looks at the servers; throws `StoreUnavailableError` if they do not answer. Changes nothing. */
export async function checkRedis(link: RedisLink): Promise<RedisCheck> {
  const infos = await infosOf(link);
  const all = (name: string) => infos.map((info) => info.get(name));
  const findings: RedisFinding[] = [];
  const found = (level: FindingLevel, code: RedisFinding["code"], message: string) => findings.push({ level, code, message });

  const versions = all("redis_version").filter((value) => value !== undefined);
  const old = versions.find(isOld);
  const version = old ?? versions[0] ?? null;
  if (old) found("refuse", "version", `Redis ${old} is too old; this store needs 6.2 or later, or Valkey`);

  const policies = (await settingOf(link, "maxmemory-policy")) ?? all("maxmemory_policy");
  const policy = leastOf(policies, []);
  const evicting = policies.find((one) => one !== undefined && one !== "noeviction") ?? null;
  if (evicting) {
    found("refuse", "eviction", `maxmemory-policy is ${evicting}: when memory is full Redis deletes conversations; set it to noeviction`);
  } else if (policy === null) {
    found(
      "warn",
      "eviction-unknown",
      "It could not be seen whether Redis deletes keys when memory is full; make sure that maxmemory-policy is noeviction",
    );
  }

  const aof = leastOf(all("aof_enabled"), ["0"]);
  const appendOnly = aof === null ? null : aof === "1";
  const saves = await settingOf(link, "save");
  const snapshots = saves === null ? null : saves.some((save) => save !== "");
  const fsync = leastOf((await settingOf(link, "appendfsync")) ?? [undefined], ["no", "everysec", "always"]);
  const appendFsync = fsync === "always" || fsync === "everysec" || fsync === "no" ? fsync : null;

  if (appendOnly === null) {
    found(
      "warn",
      "persistence-unknown",
      "It could not be seen whether Redis keeps its data on disk; if it does not, a restart loses every live conversation",
    );
  } else if (!appendOnly && snapshots === false) {
    found(
      "refuse",
      "no-persistence",
      "Redis keeps nothing on disk: a restart loses every live conversation; set appendonly yes and appendfsync always",
    );
  } else if (!appendOnly) {
    const which = snapshots ? "saves snapshots from time to time" : "logs no commands, and whether it saves snapshots could not be seen";
    found(
      "refuse",
      "snapshots-only",
      `Redis ${which}: a crash loses what was said since the last snapshot; set appendonly yes and appendfsync always`,
    );
  } else if (appendFsync === null) {
    found(
      "warn",
      "sync-unknown",
      "Redis logs commands, but how often it syncs them could not be seen; unless appendfsync is always, a crash can lose the last second",
    );
  } else if (appendFsync === "no") {
    found(
      "refuse",
      "sync-never",
      "appendfsync is no: a crash of the machine can lose the last half minute; set it to always, or at least everysec",
    );
  } else if (appendFsync === "everysec") {
    found(
      "warn",
      "sync-every-second",
      "appendfsync is everysec: a crash of the machine can lose the last second or two of acknowledged messages; set it to always to lose none",
    );
  } else {
    found("info", "sync-always", "appendfsync is always: a crash of the server loses nothing that was acknowledged");
  }
  if (all("aof_last_write_status").some((status) => status !== undefined && status !== "ok")) {
    found("refuse", "aof-failing", "Redis cannot write its log of commands; check its disk");
  }

  const roles = all("role");
  if (roles.some((role) => role !== undefined && role !== "master")) {
    found("refuse", "not-primary", "The server is a replica and takes no writes; connect to the primary");
  }
  const replicaCounts = all("connected_slaves").map((count) => (count === undefined ? null : Number(count)));
  const replicas = replicaCounts.some((count) => count === null) ? null : Math.min(...replicaCounts.map(Number));
  if (replicas === 0) {
    found(
      "warn",
      "no-replicas",
      "A Redis primary has no replica: while it is down, its conversations cannot be reached, and with its disk they are gone",
    );
  } else if (replicas !== null) {
    found(
      "warn",
      "failover",
      "Redis replicates behind its answers: a failover can lose the last second of acknowledged messages; the option wait narrows this",
    );
  }
  if (!link.cluster && all("cluster_enabled").includes("1")) {
    found(
      "refuse",
      "cluster-client",
      "The server belongs to a cluster, but the client is one for a single server; connect with a client for clusters, and clusterRedis",
    );
  }

  const files: Files = {
    appendOnly: appendOnly !== false,
    snapshots: snapshots !== false,
    rewritable: appendOnly !== null && snapshots !== null && (await canRewrite(link)),
  };
  findings.sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  return {
    version,
    cluster: link.cluster,
    primaries: infos.length,
    replicas,
    appendOnly,
    appendFsync,
    snapshots,
    maxMemoryPolicy: evicting ?? policy,
    files,
    findings,
  };
}
