/** What a manager can be told, and what it works with: options with their defaults filled in. */
import { createDigest } from "./digest.ts";
import { InvalidInputError } from "./errors.ts";
import type { LifecycleEvent } from "./head.ts";
import { ConversationIDGenerator, createIdGenerator, type Environment, type IdGenerator } from "./id.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { randomCharacters, type RandomSource } from "./random-characters.ts";
import { createSubjectHasher, DEFAULT_SUBJECT_KEYS, type SubjectHasher } from "./subjects.ts";
import type { VerbInput } from "./lifecycle.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Options of `ConversationManager`; every one has a default. */
export interface ManagerOptions {
  /** The letter of new IDs; by default from the variable `ENVIRONMENT`. */
  environment?: Environment;
  /** For another prefix than `ITERA`. */
  ids?: IdGenerator;
  /** A new conversation lives so long without access; access moves its expiry to twice that. Default 24. */
  ttlHours?: number;
  /** No expiry lies further ahead. Default 168. */
  maxExtensionHours?: number;
  /** So long after its last activity an archived conversation stays in the hot store. Default 2. */
  reactivationHours?: number;
  /** What is over is kept so long after its last activity. Default 7. */
  retentionYears?: number;
  /** Events are kept so long. Default 90. */
  eventRetentionDays?: number;
  limits?: Partial<Limits>;
  /** Keys of metadata and `leadData` that name a person. */
  subjectKeys?: readonly string[];
  /** Keys the hashes of people and message digests; without it they are plain hashes. 32 bytes or more. */
  secret?: Uint8Array<ArrayBuffer>;
  /** How long backups are kept, for receipts; null (default): none are made. */
  backupRetentionDays?: number | null;
  /** Epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  random?: RandomSource;
  /** Waits before a retry; for tests. */
  sleep?: (ms: number) => Promise<void>;
  /** Told of every event when it is committed, `updated` included. Must not throw. */
  onEvent?: (id: string, event: LifecycleEvent) => void;
  /** Told of failures off the request path: passing on, moving, touching. */
  onError?: (error: unknown, during: string) => void;
}

/** The options, checked and complete. Times in milliseconds. */
export interface Settings {
  environment: Environment;
  ids: IdGenerator;
  ttlMs: number;
  maxExtensionMs: number;
  reactivationMs: number;
  retentionYears: number;
  eventRetentionMs: number;
  /** Idempotency entries are kept so long. */
  onceMs: number;
  limits: Limits;
  subjectKeys: readonly string[];
  backupRetentionMs: number | null;
  clock: () => number;
  sleep: (ms: number) => Promise<void>;
  /** 16 random characters, for message keys and incarnations. */
  randomText: () => string;
  digest: (text: string) => Promise<string>;
  subjects: SubjectHasher;
  onEvent: (id: string, event: LifecycleEvent) => void;
  onError: (error: unknown, during: string) => void;
}

function positive(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0) throw new InvalidInputError(`${name} must be a number above 0`);
  return value;
}

/** The platform's generator, or one of the same form that uses the clock and the randomness that were given. */
function idsFrom({ clock, random }: ManagerOptions): IdGenerator {
  if (!clock && !random) return ConversationIDGenerator;
  return createIdGenerator({ ...(clock ? { clock } : {}), ...(random ? { random } : {}) });
}

/** Checks options and fills in the defaults. Throws `InvalidInputError`. */
export function settingsFrom(options: ManagerOptions): Settings {
  const ids = options.ids ?? idsFrom(options);
  const ttlMs = positive("ttlHours", options.ttlHours ?? 24) * HOUR;
  const maxExtensionMs = positive("maxExtensionHours", options.maxExtensionHours ?? 168) * HOUR;
  if (ttlMs > maxExtensionMs) throw new InvalidInputError("ttlHours must not be above maxExtensionHours");
  const digest = createDigest(options.secret);
  const subjectKeys = options.subjectKeys ?? DEFAULT_SUBJECT_KEYS;
  return {
    environment: options.environment ?? ids.getEnvironment(),
    ids,
    ttlMs,
    maxExtensionMs,
    reactivationMs: Math.max(0, options.reactivationHours ?? 2) * HOUR,
    retentionYears: positive("retentionYears", options.retentionYears ?? 7),
    eventRetentionMs: positive("eventRetentionDays", options.eventRetentionDays ?? 90) * DAY,
    onceMs: DAY,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    subjectKeys,
    backupRetentionMs: typeof options.backupRetentionDays === "number" ? options.backupRetentionDays * DAY : null,
    clock: options.clock ?? Date.now,
    sleep: options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    randomText: randomCharacters(16, options.random ?? ((bytes) => crypto.getRandomValues(bytes))),
    digest,
    subjects: createSubjectHasher(subjectKeys, digest),
    onEvent: options.onEvent ?? (() => {}),
    onError: options.onError ?? (() => {}),
  };
}

/** What every verb needs to know of time. */
export function verbInput(settings: Settings, extra: { hours?: number; reason?: string } = {}): VerbInput {
  return { now: settings.clock(), ttlMs: settings.ttlMs, maxExtensionMs: settings.maxExtensionMs, ...extra };
}
