/** What an operator should know of an installation: what is still open, and what to do about each. */
import { existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { backupStatus } from "../../operations/backup/backup-status.ts";
import { clockMark, confirmClock } from "../../operations/clock-watch.ts";
import { keysInUse } from "../../security/encryption/rotate.ts";
import { checkEncryption } from "../encrypt-stores.ts";
import { hasWorkingKey, serviceKeys } from "../guard.ts";
import type { Config } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { openStores } from "./open-manager.ts";
import type { OpenStores } from "./open-stores.ts";
import { serviceSecret } from "./service-secret.ts";

/** Something that was looked at. `remedy`: what to do; null: nothing is to be done. */
export interface Finding {
  /** `problem`: it does not work, or not safely; `warning`: an operator should decide; `ok`: as it should be. */
  readonly level: "ok" | "warning" | "problem";
  readonly about: string;
  readonly finding: string;
  readonly remedy: string | null;
}

const DISK_LEFT = 1024 ** 3;
const CLOCKS_APART_MS = 5000;
const HOUR_MS = 3_600_000;
const BACKUP_AGE_HOURS = 24;

const conversations = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? `conversation ${one}` : `conversations ${several}`}`;

const ok = (about: string, finding: string): Finding => ({ level: "ok", about, finding, remedy: null });
const warning = (about: string, finding: string, remedy: string): Finding => ({ level: "warning", about, finding, remedy });
const problem = (about: string, finding: string, remedy: string): Finding => ({ level: "problem", about, finding, remedy });

/** What the configuration alone says. */
function ofConfiguration(config: Config): Finding[] {
  const { environment, allowedOrigins, encryptionKeys, secret, rateLimitPerMinute, warnings, trustedProxies, host } = config;
  const open = environment === "development" ? warning : problem;
  const plain = allowedOrigins.filter((origin) => origin.startsWith("http:") && !/^http:\/\/(localhost|127\.|\[::1\])/.test(origin));
  return [
    ok("environment", environment),
    ...warnings.map((sentence) => warning("configuration", sentence, "correct or remove it")),
    secret === null
      ? open("secret", "SECRET is not set; a server in development makes one and keeps it", "set SECRET: openssl rand -base64 32")
      : ok("secret", "set"),
    encryptionKeys && encryptionKeys.length > 0
      ? ok("encryption", `conversations are encrypted under ${encryptionKeys[0]!.id}`)
      : warning(
          "encryption",
          "conversations are stored as they were said",
          "set CONVERSATION_ENCRYPTION_KEY=k1:$(openssl rand -base64 32), then run: itera rotate",
        ),
    plain.length > 0
      ? warning("origins", `pages may call over http: ${plain.join(", ")}`, "serve them over https")
      : ok("origins", allowedOrigins.length === 0 ? "no web page may call" : allowedOrigins.join(", ")),
    rateLimitPerMinute === 0
      ? warning("rate limit", "requests without a key are not limited", "set API_RATE_LIMIT_PER_MINUTE, such as 60")
      : ok("rate limit", `${rateLimitPerMinute} requests a minute from an address without a key`),
    ...(trustedProxies.length === 0 && (host === "0.0.0.0" || host === "::")
      ? [
          warning(
            "proxies",
            "all addresses are listened on, and no proxy is trusted",
            "behind a proxy set TRUSTED_PROXIES, else every visitor has its address",
          ),
        ]
      : []),
  ];
}

/** What the files of SQLite say. */
async function ofFiles(files: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of files) {
    if (!existsSync(path)) continue;
    const { bavail, bsize } = await statfs(dirname(path));
    const left = Math.floor((bavail * bsize) / 1024 ** 2);
    findings.push(
      left * 1024 ** 2 < DISK_LEFT
        ? warning(
            "disk",
            `${left} MiB are left where the database is`,
            "make room: below 64 MiB health is degraded, and at 0 nothing is stored",
          )
        : ok("disk", `${left} MiB are left where the database is`),
    );
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0)
      findings.push(warning("permissions", "other users of this machine may read the database", "chmod 600 the file, and 700 its folder"));
  }
  return findings;
}

/** What a server has noted of the clock, and what an operator says to it. */
async function ofClock({ stores: { records } }: OpenStores, confirmed: boolean): Promise<Finding[]> {
  if (!records) return [];
  const mark = confirmed ? await confirmClock(records) : await clockMark(records);
  if (!mark) return [ok("clock", confirmed ? "there was nothing to confirm" : "no jump is to be confirmed")];
  const far = `${Math.abs(Math.round(mark.byMs / 60_000))} minutes ${mark.byMs < 0 ? "back" : "ahead"}`;
  const what =
    mark.reason === "jump" ? `the clock of a server jumped ${far}` : `a server started with its clock ${far} of the last heartbeat`;
  if (confirmed) return [ok("clock", `${what}; confirmed now, so the server purges again`)];
  return [
    problem(
      "clock",
      `${what}, and nothing is purged since; this machine's clock says ${new Date().toISOString()}`,
      "correct the clock if it is wrong; once it is right: itera doctor --confirm-clock",
    ),
  ];
}

/** Whether there are backups, and how old the last good one is, whoever made it. */
async function ofBackups(config: Config, { stores: { records } }: OpenStores): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (!config.backups)
    findings.push(
      warning(
        "backups",
        "the server makes no backups",
        "set BACKUP_ENABLED=true and BACKUP_TARGET, or see that itera backup runs each day",
      ),
    );
  if (!records) return findings;
  const { good, failed } = await backupStatus(records);
  if (failed) findings.push(problem("backups", `the one of ${failed.at} failed: ${failed.error}`, "itera backup"));
  if (!good) {
    if (config.backups && !failed) findings.push(warning("backups", "none was made yet", "itera backup"));
    return findings;
  }
  const hours = Math.floor((Date.now() - Date.parse(good.startedAt)) / HOUR_MS);
  const allowed = Math.max(BACKUP_AGE_HOURS, config.backupIntervalHours);
  findings.push(
    hours >= allowed
      ? problem("backups", `the last good one is ${hours} hours old`, "itera backup, then itera verify latest")
      : ok("backups", `the last good one is of ${good.startedAt}`),
  );
  return findings;
}

/** What the stores say, once they are open. */
async function ofStores(config: Config, { stores }: OpenStores): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [about, store] of [
    ["hot store", stores.hot],
    ["archive", stores.archive],
  ] as const) {
    if (!store) continue;
    const { now } = await store.probe();
    const apart = Math.abs(now - Date.now());
    findings.push(
      apart > CLOCKS_APART_MS
        ? problem(about, `it answers, but its clock is ${Math.round(apart / 1000)} s from this machine's`, "run a time service on both")
        : ok(about, "it answers"),
    );
  }
  const secret = await serviceSecret(config, stores.records);
  const keys = serviceKeys(config, secret, stores.records, () => {});
  const all = await keys.list();
  if (await hasWorkingKey(keys)) {
    const lasting = all.filter(({ expiresAt, revokedAt }) => expiresAt === null && revokedAt === null).length;
    findings.push(ok("API keys", `${all.length}, of which ${lasting} do not end`));
  } else {
    const open = config.environment === "development" ? warning : problem;
    findings.push(
      open("API keys", "there is none: only a server in development on a loopback address answers", "itera keys create --scope admin"),
    );
  }
  try {
    await checkEncryption(config, stores);
    if (config.encryptionKeys && config.encryptionKeys.length > 0) {
      const { byMaster, plain, damaged } = await keysInUse(stores, config.encryptionKeys);
      const current = config.encryptionKeys[0]!.id;
      const older = Object.entries(byMaster).filter(([id]) => id !== current);
      if (plain > 0) findings.push(warning("encryption", `${conversations(plain, "is", "are")} not encrypted yet`, "itera rotate"));
      const known = new Set(config.encryptionKeys.map(({ id }) => id));
      for (const [id, count] of older.filter((each) => !known.has(each[0]))) {
        findings.push(
          problem(
            "encryption",
            `${count} conversations are under ${id}, which is not configured, and cannot be read`,
            `add ${id} to CONVERSATION_ENCRYPTION_KEY, behind the key that writes`,
          ),
        );
      }
      for (const [id, count] of older.filter((each) => known.has(each[0])))
        findings.push(warning("encryption", `${conversations(count, "is", "are")} still under ${id}`, "itera rotate"));
      if (damaged > 0)
        findings.push(problem("encryption", `${conversations(damaged, "has", "have")} a damaged key`, "restore them from a backup"));
    }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const { variable, wrong, right } of error.faults) findings.push(problem(variable, wrong, right));
  }
  return findings;
}

/** Looks at everything. What cannot be opened is a finding too. Changes nothing, but that `confirmClock` ends the waiting after a jump of the clock. */
export async function diagnose(config: Config, options: { confirmClock?: boolean } = {}): Promise<Finding[]> {
  const findings = ofConfiguration(config);
  let open: OpenStores;
  try {
    open = await openStores(config, {
      create: false,
      patience: "work",
      onWarning: (sentence) => findings.push(warning("store", sentence, "see the README, Several servers")),
    });
  } catch (error) {
    if (error instanceof ConfigurationError)
      for (const { variable, wrong, right } of error.faults) findings.push(problem(variable, wrong, right));
    else findings.push(problem("store", error instanceof Error ? error.message : String(error), "then run itera doctor again"));
    return findings;
  }
  try {
    findings.push(
      ...(await ofFiles(open.files)),
      ...(await ofStores(config, open)),
      ...(await ofBackups(config, open)),
      ...(await ofClock(open, options.confirmClock === true)),
    );
  } catch (error) {
    findings.push(problem("store", error instanceof Error ? error.message : String(error), "then run itera doctor again"));
  } finally {
    await open.close();
  }
  return findings;
}
