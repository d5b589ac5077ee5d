/** Who gets in, as settings say it: keys, limits and origins, for the application of either runtime. */
import { localRateLimiter, degradingRateLimiter } from "../security/rate-limit.ts";
import type { RateLimiter } from "../core/rate-limiter.ts";
import type { Records } from "../core/records.ts";
import type { AppOptions } from "../http/app-options.ts";
import { createApiKeys, type ApiKeys } from "../security/api-keys.ts";
import type { CheckedSettings } from "./check-settings.ts";

/** What the guard of a service needs. */
export interface GuardOptions {
  readonly settings: CheckedSettings;
  readonly keys: ApiKeys;
  /** Whether requests without a key are answered here at all. */
  readonly keyless: boolean;
  /** The limiter that all servers share; null: this process counts by itself. */
  readonly limiter: RateLimiter | null;
  /** Told, at most once a minute, that the shared limiter fails. */
  readonly onDegraded: (error: unknown) => void;
}

/** The keys of a service: those that its records hold, and the configured ones. `later`: given what goes on after a request. */
export function serviceKeys(
  settings: Pick<CheckedSettings, "apiKeys">,
  secret: Uint8Array<ArrayBuffer>,
  records: Records | null,
  onError: (error: unknown) => void,
  later: (work: Promise<unknown>) => void = () => {},
): ApiKeys {
  return createApiKeys({ records, secret, configured: settings.apiKeys ?? [], onError, later });
}

/** Whether there is a key with which somebody could get in now. */
export async function hasWorkingKey(keys: ApiKeys, now: number = Date.now()): Promise<boolean> {
  return (await keys.list()).some(({ revokedAt, expiresAt }) => revokedAt === null && (expiresAt === null || expiresAt > now));
}

/** The options. In keyless development an address is limited only if that was asked for. */
export function guard({
  settings,
  keys,
  keyless,
  limiter,
  onDegraded,
}: GuardOptions): Pick<AppOptions, "keys" | "rateLimits" | "allowedOrigins"> {
  const unlimited = keyless && !settings.given.has("API_RATE_LIMIT_PER_MINUTE");
  return {
    keys,
    rateLimits: {
      limiter: limiter ? degradingRateLimiter(limiter, { onDegraded }) : localRateLimiter(),
      addressPerMinute: unlimited ? 0 : settings.rateLimitPerMinute,
      credentialPerMinute: settings.keyRateLimitPerMinute,
    },
    allowedOrigins: settings.allowedOrigins,
  };
}
