/** Every configuration variable, in the order of the specification: the one table from which configuration and `.env.example` are made. */
import { apiKeys, encryptionKeys, secretBytes, webhookSecret } from "./secret-formats.ts";
import * as format from "./setting-formats.ts";
import { optional, setting, type Setting } from "./setting.ts";
import { databaseUrl, storeUrl } from "./store-url.ts";

const hours = format.decimal({ above: 0 });
const hoursOrNone = format.decimal({ from: 0 });
const notByThisVersion = (what: string, right: string) => ({ wrong: `${what} not supported by this version`, right });

/** The table. A key is the name of the value in `Config`. */
export const SETTINGS = {
  environment: optional("ENVIRONMENT", {
    read: format.oneOf(["production", "staging", "development"]),
    about: "production, staging or development. Not set: production if NODE_ENV is production, else development.",
    example: "development",
  }),
  host: setting("HOST", { default: "127.0.0.1", read: format.host, about: "Where the server listens." }),
  port: setting("PORT", { default: "8787", read: format.wholeNumber(0, 65_535), about: "Its port; 0: any that is free." }),
  idPrefix: setting("CONVERSATION_ID_PREFIX", {
    default: "ITERA",
    read: format.matching(/^[A-Z][A-Z0-9]{1,15}$/, "give 2 to 16 characters of A-Z and 0-9, the first a letter"),
    about: "What every ID begins with. A database keeps the one it was made with.",
  }),
  acceptEnvironments: setting("ACCEPT_ENVIRONMENTS", {
    default: "P,S,D",
    read: format.list(format.letter),
    about: "The last letters of IDs that the server knows; IDs with others do not exist for it.",
  }),
  ttlHours: setting("CONVERSATION_TTL_HOURS", {
    default: "24",
    read: hours,
    about: "A conversation without access is archived after so many hours.",
  }),
  maxExtensionHours: setting("CONVERSATION_MAX_EXTENSION_HOURS", {
    aliases: ["CONVERSATION_EXTENSION_MAX_HOURS"],
    default: "168",
    read: hours,
    about: "No expiry lies further ahead. CONVERSATION_EXTENSION_MAX_HOURS is the same.",
  }),
  reactivationHours: setting("CONVERSATION_REACTIVATION_HOURS", {
    default: "2",
    read: hoursOrNone,
    about: "So long after its last activity an archived conversation stays in the hot store.",
  }),
  resumeHours: setting("CONVERSATION_RESUME_HOURS", {
    default: "0",
    read: hoursOrNone,
    about: "A session idle for longer starts a new conversation; 0: it always resumes.",
    unsupported: { how: "warn", when: (value) => value > 0, ...notByThisVersion("starting anew is", "every session resumes") },
  }),
  cleanupIntervalHours: setting("CONVERSATION_CLEANUP_INTERVAL_HOURS", {
    default: "6",
    read: hours,
    about: "How often the server purges and tidies up.",
  }),
  retentionYears: setting("CONVERSATION_RETENTION_YEARS", {
    default: "7",
    read: format.wholeNumber(1, 100),
    about: "What is over is removed so many years after its last activity.",
  }),
  maxSessionSeconds: setting("MAX_SESSION_DURATION", {
    default: "86400",
    read: format.wholeNumber(60, 31_536_000),
    about: "Seconds for which a fallback session is kept under its own key.",
  }),
  kvPrefix: setting("KV_PREFIX", {
    default: "conv:",
    read: format.matching(/^[\x21-\x7e]{1,64}$/, "give 1 to 64 visible ASCII characters"),
    about: "What keys in a KV namespace begin with.",
  }),
  database: setting("DATABASE_URL", {
    default: "sqlite:./data/conversations.db",
    read: databaseUrl,
    about: "Where conversations are kept: sqlite: and a file, relative to the working directory or absolute; or postgresql://…",
    secret: true,
  }),
  poolSize: setting("DATABASE_POOL_SIZE", {
    default: "10",
    read: format.wholeNumber(1, 1000),
    about: "Connections to a database server; SQLite needs none.",
  }),
  hotStore: optional("HOT_STORE_URL", {
    read: storeUrl,
    about: "Where live conversations are kept: sqlite:…, postgresql://…, redis://… or rediss://…; not set: in the database.",
    example: "redis://127.0.0.1:6379",
    secret: true,
  }),
  metrics: setting("METRICS_ENABLED", { default: "true", read: format.boolean, about: "Whether metrics are kept." }),
  eventRetentionDays: setting("ANALYTICS_RETENTION_DAYS", {
    default: "90",
    read: format.wholeNumber(1, 36_500),
    about: "Days for which events are kept; daily counts stay.",
  }),
  alertWebhook: optional("ALERT_WEBHOOK_URL", {
    read: format.webAddress,
    about: "Where alerts go.",
    example: "https://alerts.example.com/hook",
    secret: true,
  }),
  alertWebhookSecret: optional("ALERT_WEBHOOK_SECRET", {
    read: webhookSecret,
    about: "Signs alerts: whsec_ and base64 of 24 to 64 bytes.",
    secret: true,
  }),
  webhookAllowPrivate: setting("WEBHOOK_ALLOW_PRIVATE", {
    default: "false",
    read: format.boolean,
    about: "Whether alerts may go to private and loopback addresses.",
  }),
  encryptionKeys: optional("CONVERSATION_ENCRYPTION_KEY", {
    read: encryptionKeys,
    about: "Encrypts what is stored: id:base64 of 32 bytes; several, comma-separated, the first one writes.",
    secret: true,
  }),
  apiKeys: optional("API_KEYS", {
    read: apiKeys,
    about: "First API keys, comma-separated.",
    secret: true,
  }),
  secret: optional("SECRET", {
    read: secretBytes,
    about: "base64 of 32 random bytes or more: openssl rand -base64 32. Needed outside development; there one is made and kept.",
    secret: true,
  }),
  rateLimitPerMinute: setting("API_RATE_LIMIT_PER_MINUTE", {
    default: "60",
    read: format.wholeNumber(0, 1_000_000),
    about: "Requests a minute for one address without a key; 0: no limit. In development without keys only if set.",
    example: "",
  }),
  keyRateLimitPerMinute: setting("API_KEY_RATE_LIMIT_PER_MINUTE", {
    default: "0",
    read: format.wholeNumber(0, 10_000_000),
    about: "Requests a minute for one key or token; 0: no limit.",
  }),
  allowedOrigins: setting("ALLOWED_ORIGINS", {
    default: "",
    read: (text) => (text === "" ? [] : format.list(format.origin)(text)),
    about: "Origins of web pages that may call, comma-separated.",
    example: "https://www.example.com",
  }),
  trustedProxies: setting("TRUSTED_PROXIES", {
    default: "",
    read: (text) => (text === "" ? [] : format.list(format.addressRange)(text)),
    about: "Addresses or CIDR ranges of proxies whose X-Forwarded-For counts, comma-separated.",
    example: "10.0.0.0/8,fd00::/8",
  }),
  clientIp: setting("CLIENT_IP", {
    default: "full",
    read: format.oneOf(["full", "truncated", "none"]),
    about: "What is kept of a visitor's address: full, truncated (IPv4 /24, IPv6 /48) or none.",
  }),
  subjectKeys: setting("SUBJECT_KEYS", {
    default: "email,phone,visitorId",
    read: format.list(format.matching(/^[^\s,]{1,64}$/, "give names of metadata keys, comma-separated")),
    about: "Keys of metadata and leadData by which a person is found.",
  }),
  legacySessions: optional("LEGACY_SESSION_PATTERN", {
    read: format.pattern,
    about: "A regular expression for session IDs of older code.",
    example: "^sess_[a-z0-9]{9}$",
  }),
  backups: setting("BACKUP_ENABLED", { default: "false", read: format.boolean, about: "Whether the server makes backups." }),
  backupIntervalHours: setting("BACKUP_INTERVAL_HOURS", { default: "24", read: hours, about: "How often." }),
  backupRetentionDays: setting("BACKUP_RETENTION_DAYS", {
    default: "30",
    read: format.wholeNumber(1, 36_500),
    about: "How long each is kept.",
  }),
  backupTarget: setting("BACKUP_TARGET", {
    default: "./backups",
    read: format.backupTarget,
    about: "A folder, or s3://bucket/prefix with the usual AWS_ variables.",
  }),
  logLevel: setting("LOG_LEVEL", {
    default: "info",
    read: format.oneOf(["fatal", "error", "warn", "info", "debug", "trace", "silent"]),
    about: "fatal, error, warn, info, debug, trace or silent.",
  }),
} as const;

/** What each variable becomes. */
export type SettingValues = { readonly [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never };
