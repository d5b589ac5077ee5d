import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig, readSetting, type Config } from "../../src/runtimes/node/config.ts";
import { ConfigurationError, type Fault } from "../../src/runtimes/node/configuration-error.ts";
import { envExample } from "../../src/runtimes/node/env-example.ts";
import { servingFaults } from "../../src/runtimes/node/may-serve.ts";
import { SETTINGS } from "../../src/runtimes/node/settings.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const [SECRET, OTHER_SECRET] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];

function config(env: Record<string, string> = {}, file?: string): Config {
  const folder = temporaryFolder();
  if (file !== undefined) writeFileSync(join(folder, ".env"), file);
  return readConfig({ env, folder });
}

function faults(env: Record<string, string>, file?: string): readonly Fault[] {
  try {
    config(env, file);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

describe("configuration", () => {
  it("has a default for everything that a first start needs", () => {
    const folder = temporaryFolder();
    expect(readConfig({ env: {}, folder })).toMatchObject({
      environment: "development",
      letter: "D",
      host: "127.0.0.1",
      port: 8787,
      idPrefix: "ITERA",
      acceptEnvironments: ["P", "S", "D"],
      ttlHours: 24,
      maxExtensionHours: 168,
      reactivationHours: 2,
      resumeHours: 0,
      cleanupIntervalHours: 6,
      retentionYears: 7,
      maxSessionSeconds: 86_400,
      kvPrefix: "conv:",
      database: { engine: "sqlite", path: join(folder, "data/conversations.db") },
      poolSize: 10,
      hotStore: null,
      metrics: true,
      eventRetentionDays: 90,
      secret: null,
      rateLimitPerMinute: 60,
      keyRateLimitPerMinute: 0,
      allowedOrigins: [],
      trustedProxies: [],
      clientIp: "full",
      subjectKeys: ["email", "phone", "visitorId"],
      legacySessions: null,
      backups: false,
      backupIntervalHours: 24,
      backupRetentionDays: 30,
      backupTarget: "./backups",
      logLevel: "info",
      warnings: [],
    });
  });

  it.each([
    ["PORT", "0", { port: 0 }],
    ["HOST", "::1", { host: "::1" }],
    ["HOST", "[::1]", { host: "::1" }],
    ["ENVIRONMENT", "Development", { environment: "development", letter: "D" }],
    ["CONVERSATION_ID_PREFIX", "SHOP2", { idPrefix: "SHOP2" }],
    ["ACCEPT_ENVIRONMENTS", "D, S", { acceptEnvironments: ["D", "S"] }],
    ["CONVERSATION_TTL_HOURS", "0.5", { ttlHours: 0.5 }],
    ["CONVERSATION_MAX_EXTENSION_HOURS", "72", { maxExtensionHours: 72 }],
    ["CONVERSATION_EXTENSION_MAX_HOURS", "72", { maxExtensionHours: 72 }],
    ["CONVERSATION_REACTIVATION_HOURS", "0", { reactivationHours: 0 }],
    ["METRICS_ENABLED", "FALSE", { metrics: false }],
    [
      "TRUSTED_PROXIES",
      "10.0.0.0/8,::1",
      {
        trustedProxies: [
          { address: "10.0.0.0", bits: 8, family: "ipv4" },
          { address: "::1", bits: 128, family: "ipv6" },
        ],
      },
    ],
    [
      "ALLOWED_ORIGINS",
      "https://www.example.com, http://localhost:3000",
      { allowedOrigins: ["https://www.example.com", "http://localhost:3000"] },
    ],
    ["CLIENT_IP", "truncated", { clientIp: "truncated" }],
    ["SUBJECT_KEYS", "email,codiceFiscale", { subjectKeys: ["email", "codiceFiscale"] }],
    ["LEGACY_SESSION_PATTERN", "^sess_[a-z0-9]{9}$", { legacySessions: /^sess_[a-z0-9]{9}$/u }],
    ["BACKUP_TARGET", "s3://bucket/prefix", { backupTarget: "s3://bucket/prefix" }],
    ["LOG_LEVEL", "silent", { logLevel: "silent" }],
    ["DATABASE_URL", "sqlite:/srv/chats/x.db", { database: { engine: "sqlite", path: "/srv/chats/x.db" } }],
    ["DATABASE_URL", "sqlite:///srv/chats/x.db", { database: { engine: "sqlite", path: "/srv/chats/x.db" } }],
    ["DATABASE_URL", "postgres://u:p@host/db", { database: { engine: "postgresql", url: "postgres://u:p@host/db" }, hotStore: null }],
    [
      "DATABASE_URL",
      "postgresql:///db?host=/run/postgresql",
      { database: { engine: "postgresql", url: "postgresql:///db?host=/run/postgresql" } },
    ],
    ["HOT_STORE_URL", "sqlite:/srv/chats/hot.db", { hotStore: { engine: "sqlite", path: "/srv/chats/hot.db" } }],
    ["HOT_STORE_URL", "postgresql://host/hot", { hotStore: { engine: "postgresql", url: "postgresql://host/hot" } }],
    [
      "HOT_STORE_URL",
      "rediss://u:p@host:6380/1?prefix=a:&cluster=true&allow_loss=true&wait_replicas=2&sslrootcert=/ca.pem",
      {
        hotStore: {
          engine: "redis",
          url: "rediss://u:p@host:6380/1",
          prefix: "a:",
          cluster: true,
          allowLoss: true,
          waitReplicas: 2,
          caFile: "/ca.pem",
        },
      },
    ],
  ])("takes %s=%s", (name, text, expected) => {
    expect(config({ [name]: text })).toMatchObject(expected);
  });

  it.each([
    ["ENVIRONMENT", "prod"],
    ["HOST", "http://127.0.0.1"],
    ["HOST", "127.0.0.1:80"],
    ["PORT", "80a"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "1e3"],
    ["CONVERSATION_ID_PREFIX", "itera"],
    ["CONVERSATION_ID_PREFIX", "I"],
    ["ACCEPT_ENVIRONMENTS", "P,X,D"],
    ["ACCEPT_ENVIRONMENTS", "P,,D"],
    ["ACCEPT_ENVIRONMENTS", "P,S"],
    ["CONVERSATION_TTL_HOURS", "0"],
    ["CONVERSATION_TTL_HOURS", "-1"],
    ["CONVERSATION_TTL_HOURS", "24h"],
    ["CONVERSATION_TTL_HOURS", "169"],
    ["CONVERSATION_MAX_EXTENSION_HOURS", "Infinity"],
    ["CONVERSATION_REACTIVATION_HOURS", "two"],
    ["CONVERSATION_RESUME_HOURS", "-3"],
    ["CONVERSATION_CLEANUP_INTERVAL_HOURS", "0"],
    ["CONVERSATION_RETENTION_YEARS", "0"],
    ["MAX_SESSION_DURATION", "1 day"],
    ["KV_PREFIX", "conv sation:"],
    ["DATABASE_URL", "mysql://host/db"],
    ["DATABASE_URL", "./data/x.db"],
    ["DATABASE_URL", "sqlite:"],
    ["DATABASE_URL", "sqlite::memory:"],
    ["DATABASE_URL", "sqlite:./data/"],
    ["DATABASE_URL", "sqlite://host/x.db"],
    ["DATABASE_URL", "sqlite:./x.db?mode=ro"],
    ["DATABASE_URL", "postgres:///database"],
    ["DATABASE_URL", "postgresql://user:pass@host:5432"],
    ["DATABASE_URL", "postgresql://host/database?sslmode=maybe"],
    ["DATABASE_URL", "postgresql://host/database?sslmode=verify-ca"],
    ["DATABASE_URL", "redis://localhost:6379"],
    ["DATABASE_POOL_SIZE", "0"],
    ["HOT_STORE_URL", "memcached://localhost"],
    ["HOT_STORE_URL", "redis://localhost:6379/chats"],
    ["HOT_STORE_URL", "redis://localhost:6379?allow_los=true"],
    ["HOT_STORE_URL", "redis://localhost:6379?allow_loss=yes"],
    ["HOT_STORE_URL", "redis://localhost:6379?prefix={chats}"],
    ["HOT_STORE_URL", "redis://localhost:6379?wait_replicas=-1"],
    ["METRICS_ENABLED", "maybe"],
    ["ANALYTICS_RETENTION_DAYS", "0"],
    ["ALERT_WEBHOOK_URL", "not an address"],
    ["ALERT_WEBHOOK_URL", "https://alerts.example.com/hook"],
    ["ALERT_WEBHOOK_SECRET", "secret"],
    ["WEBHOOK_ALLOW_PRIVATE", "yes please"],
    ["CONVERSATION_ENCRYPTION_KEY", "your-encryption-key-here"],
    ["CONVERSATION_ENCRYPTION_KEY", `k1:${SECRET},k1:${OTHER_SECRET}`],
    ["CONVERSATION_ENCRYPTION_KEY", "k1:c2hvcnQ="],
    ["API_KEYS", "secret"],
    ["API_KEYS", `itc_admin_${"a".repeat(12)}_${"B".repeat(49)}`],
    ["SECRET", "changeme"],
    ["SECRET", "c2hvcnQ="],
    ["SECRET", "A".repeat(44)],
    ["SECRET", Buffer.from("abcdefgh".repeat(4)).toString("base64")],
    ["SECRET", Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("base64")],
    ["SECRET", "not base64 at all, but long enough to be a secret"],
    ["API_RATE_LIMIT_PER_MINUTE", "many"],
    ["API_KEY_RATE_LIMIT_PER_MINUTE", "-1"],
    ["ALLOWED_ORIGINS", "*"],
    ["ALLOWED_ORIGINS", "https://www.example.com/path"],
    ["TRUSTED_PROXIES", "10.0.0.0/33"],
    ["TRUSTED_PROXIES", "proxy.example.com"],
    ["CLIENT_IP", "half"],
    ["SUBJECT_KEYS", "email,,phone"],
    ["LEGACY_SESSION_PATTERN", "("],
    ["BACKUP_ENABLED", "sometimes"],
    ["BACKUP_INTERVAL_HOURS", "0"],
    ["BACKUP_RETENTION_DAYS", "-1"],
    ["BACKUP_TARGET", "ftp://host/folder"],
    ["LOG_LEVEL", "loud"],
  ])("refuses %s=%s, naming it, what is wrong and what is right", (name, text) => {
    const found = faults({ [name]: text });
    expect(found.map((fault) => fault.variable)).toEqual([name]);
    expect(found[0]!.wrong).not.toBe("");
    expect(found[0]!.right).not.toBe("");
  });

  it("names every fault at once", () => {
    const found = faults({ PORT: "x", CONVERSATION_TTL_HOURS: "-1", DATABASE_URL: "mysql://host", LOG_LEVEL: "loud", ENVIRONMENT: "prod" });
    expect(found.map((fault) => fault.variable)).toEqual(["ENVIRONMENT", "PORT", "CONVERSATION_TTL_HOURS", "DATABASE_URL", "LOG_LEVEL"]);
  });

  it("takes an address for alerts only with a secret to sign them with, and a secret alone", () => {
    const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
    const ALERT_WEBHOOK_SECRET = `whsec_${bytes}`;
    const ALERT_WEBHOOK_URL = "https://alerts.example.com/hook";
    expect(faults({ ALERT_WEBHOOK_URL })[0]!.wrong).toContain("ALERT_WEBHOOK_SECRET");
    expect(faults({ ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET })).toEqual([]);
    expect(faults({ ALERT_WEBHOOK_SECRET })).toEqual([]);
  });

  it("never shows the text of a secret", () => {
    const secrets = {
      SECRET: "hunter2-hunter2",
      CONVERSATION_ENCRYPTION_KEY: "hunter2:hunter2",
      API_KEYS: "hunter2",
      ALERT_WEBHOOK_SECRET: "hunter2",
      ALERT_WEBHOOK_URL: "https://user:hunter2@host/",
      DATABASE_URL: "postgresql://user:hunter2@host/db?sslmode=hunter2",
      HOT_STORE_URL: "redis://:hunter2@host/hunter2",
    };
    const found = faults(secrets);
    expect(found.map((fault) => fault.variable).toSorted()).toEqual(Object.keys(secrets).toSorted());
    expect(new ConfigurationError(found).message).not.toContain("hunter2");
  });

  it("refuses one secret in two places", () => {
    const found = faults({ SECRET, ALERT_WEBHOOK_SECRET: `whsec_${SECRET}` });
    expect(found).toMatchObject([{ variable: "ALERT_WEBHOOK_SECRET", wrong: expect.stringContaining("SECRET") as string }]);
  });

  it("needs a secret outside development, and takes a good one", () => {
    expect(faults({ ENVIRONMENT: "staging" })).toMatchObject([{ variable: "SECRET" }]);
    expect(faults({ NODE_ENV: "production" })).toMatchObject([{ variable: "SECRET" }]);
    expect(config({ ENVIRONMENT: "production", SECRET }).secret).toEqual(new Uint8Array(Buffer.from(SECRET, "base64")));
  });

  it("takes the environment from NODE_ENV only if ENVIRONMENT is not set", () => {
    expect(config({ NODE_ENV: "production", SECRET }).letter).toBe("P");
    expect(config({ NODE_ENV: "production", ENVIRONMENT: "development" }).letter).toBe("D");
    expect(config({ NODE_ENV: "test" }).letter).toBe("D");
  });

  it("refuses a TTL above the maximum extension under either name", () => {
    expect(faults({ CONVERSATION_TTL_HOURS: "48", CONVERSATION_EXTENSION_MAX_HOURS: "24" })).toMatchObject([
      { variable: "CONVERSATION_TTL_HOURS" },
    ]);
    expect(faults({ CONVERSATION_MAX_EXTENSION_HOURS: "100", CONVERSATION_EXTENSION_MAX_HOURS: "24" })).toMatchObject([
      { variable: "CONVERSATION_MAX_EXTENSION_HOURS" },
    ]);
    expect(faults({ CONVERSATION_MAX_EXTENSION_HOURS: "100", CONVERSATION_EXTENSION_MAX_HOURS: "100" })).toEqual([]);
  });

  it.each([
    ["sqlite:./data/conversations.db", "sqlite:data/conversations.db"],
    ["postgresql://u:p@Host/db", "postgres://other@host:5432/db?application_name=x"],
    ["postgresql://host/db?options=-c%20search_path%3Da", "postgresql://host/db?options=-c+search_path%3Da"],
  ])("takes %s under the name %s as one store", (database, hotStore) => {
    expect(config({ DATABASE_URL: database, HOT_STORE_URL: hotStore }).hotStore).toBeNull();
  });

  it.each([
    ["sqlite:./data/conversations.db", "sqlite:./data/hot.db"],
    ["postgresql://host/db", "postgresql://host:5433/db"],
    ["postgresql://host/db", "postgresql://host/hot"],
    ["postgresql://host/db", "postgresql://host/db?options=-c%20search_path%3Dhot"],
    ["postgresql://host/db", "sqlite:./hot.db"],
  ])("takes %s and %s as two stores", (database, hotStore) => {
    expect(config({ DATABASE_URL: database, HOT_STORE_URL: hotStore }).hotStore).not.toBeNull();
  });

  it("warns of what is set and has no effect", () => {
    const { warnings } = config({ CONVERSATION_RESUME_HOURS: "4", CONVERSATION_TTL: "4", BACKUP_RETENTION_DAYS: "5" });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/CONVERSATION_TTL has no effect.*CONVERSATION_RESUME_HOURS has no effect/);
  });

  it("reads one variable without minding the others", () => {
    expect(readSetting("idPrefix", { env: { CONVERSATION_ID_PREFIX: "SHOP", PORT: "x" }, folder: temporaryFolder() })).toBe("SHOP");
  });
});

describe(".env", () => {
  it("is read; the environment wins; an empty variable is unset, and unsets what the file has", () => {
    const file = "PORT=1\nHOST=\"::1\" # a comment\nLOG_LEVEL=debug\nCLIENT_IP=\nexport KV_PREFIX='a:'\n";
    expect(config({ PORT: "2", LOG_LEVEL: "" }, file)).toMatchObject({
      port: 2,
      host: "::1",
      logLevel: "info",
      clientIp: "full",
      kvPrefix: "a:",
    });
  });

  it("may begin with a byte order mark", () => {
    expect(config({}, "\uFEFFPORT=1")).toMatchObject({ port: 1 });
  });

  it("that cannot be read is a fault", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, ".env"));
    expect(() => readConfig({ env: {}, folder })).toThrow(/\.env: the file cannot be read \(EISDIR\)/);
  });

  it("has an example with every variable in the table's order, which is up to date", async () => {
    await expect(envExample()).toMatchFileSnapshot("../../.env.example");
    const names = [...envExample().matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]);
    expect(names).toEqual(Object.values(SETTINGS).map(({ name }) => name));
  });

  it("changes nothing when it is the example", () => {
    const folder = temporaryFolder();
    const { given: _, ...plain } = readConfig({ env: {}, folder });
    writeFileSync(join(folder, ".env"), envExample());
    const { given, ...withExample } = readConfig({ env: {}, folder });
    expect(withExample).toEqual(plain);
    // A limit that is set holds in development too.
    expect(given.has("API_RATE_LIMIT_PER_MINUTE")).toBe(false);
  });
});

describe("serving without API keys", () => {
  const serving = (env: Record<string, string>): string[] => servingFaults(config(env), false).map((fault) => fault.variable);

  it.each([{}, { HOST: "localhost" }, { HOST: "::1" }, { HOST: "127.8.9.1" }])(
    "is allowed in development on a loopback address: %o",
    (env) => {
      expect(serving(env)).toEqual([]);
    },
  );

  it.each([
    [{ HOST: "0.0.0.0" }, ["HOST"]],
    [{ HOST: "::" }, ["HOST"]],
    [{ HOST: "192.168.1.5" }, ["HOST"]],
    [{ HOST: "127.0.0.1.example.com" }, ["HOST"]],
    [{ ENVIRONMENT: "staging", SECRET }, ["API_KEYS"]],
    [{ NODE_ENV: "production", SECRET, HOST: "0.0.0.0" }, ["API_KEYS", "HOST"]],
  ])("is refused otherwise: %o", (env, variables) => {
    expect(serving(env)).toEqual(variables);
  });
});
