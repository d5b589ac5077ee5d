/** What a runtime gives to the application. */
import type { Context } from "hono";
import type { HealthStatus } from "../contract/index.ts";
import type { Conversations } from "../core/conversations.ts";
import type { Environment, IdGenerator } from "../core/id.ts";
import type { Limits } from "../core/limits.ts";
import type { ApiKeys } from "../security/api-keys.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { RequestWatch } from "./request-watch.ts";

/** A log of structured lines. What is given to it holds no bodies, no query texts, no addresses of stores. */
export interface Logger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** One thing that health asks. `hot` and `archive` are stores, without which the service is not ready. */
export interface HealthCheck {
  readonly name: string;
  /** Rejecting, or not answering within a second, counts as down. */
  readonly run: () => Promise<HealthStatus>;
}

/** When a request without any key is answered. */
export interface KeylessRule {
  /** Development, listening on a loopback address, no keys configured. */
  readonly allowed: boolean;
  /** The address at the other end of the connection; null: unknown, which is not loopback. */
  readonly remoteAddress: (c: Context) => string | null;
  /** Headers that would count as forwarding headers, but that the platform itself sets: allowed if they hold a loopback address. */
  readonly platformHeaders?: readonly string[];
}

/** A file of the API page. */
export interface PageFile {
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream;
  readonly contentType: string;
}

/** How much of a visitor's address is kept in `metadata.clientIP`. */
export type ClientIpMode = "full" | "truncated" | "none";

/** Options of `createApp`. */
export interface AppOptions {
  readonly manager: Conversations;
  readonly logger: Logger;
  /** The version that health and the OpenAPI document show. */
  readonly version: string;
  /** Keys of tokens, cursors and idempotency fingerprints are derived from it; 32 bytes or more, the same on every server. */
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly keyless: KeylessRule;
  /** The API keys; without it none works. */
  readonly keys?: ApiKeys;
  /** Without it nothing is limited but failed authentication, for each process by itself. */
  readonly rateLimits?: RateLimits;
  /** Origins of web pages that may call, such as `https://www.example.com`; none by default. */
  readonly allowedOrigins?: readonly string[];
  /** The visitor's address, by the rules of the runtime; null: unknown. */
  readonly clientAddress: (c: Context) => string | null;
  /** `full` by default. */
  readonly clientIp?: ClientIpMode;
  /** Those of the manager. */
  readonly limits?: Partial<Limits>;
  readonly maxExtensionHours?: number;
  readonly ids?: IdGenerator;
  /** IDs of other environments are unknown here; all three by default. */
  readonly acceptEnvironments?: readonly Environment[];
  readonly health?: readonly HealthCheck[];
  /** Makes the Prometheus text; without it `/metrics` answers 501. */
  readonly metrics?: () => Promise<string>;
  /** Told of every request that reaches the application. */
  readonly watch?: RequestWatch;
  /** When the service started, epoch milliseconds; now by default. */
  readonly startedAt?: number;
  /** Epoch milliseconds; `Date.now` by default. */
  readonly clock?: () => number;
  /** A body has so long to arrive, and a second more for every 64 KiB of it. Default 10,000. */
  readonly bodyTimeoutMs?: number;
  /** More requests than this at once are refused with 503. Default 512. */
  readonly maxInFlight?: number;
  /** A file of the API page by its name, such as `swagger-ui.css`; null: there is none. Without it `/docs` answers 501. */
  readonly apiPage?: (file: string) => Promise<PageFile | null>;
}
