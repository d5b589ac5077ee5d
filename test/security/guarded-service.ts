// A service as it is in production: nobody without a key, limits on, one allowed origin.

import { createApiKeys } from "../../src/security/api-keys.ts";
import type { KeyScope } from "../../src/security/api-key-text.ts";
import { localRateLimiter } from "../../src/security/rate-limit.ts";
import type { AppOptions } from "../../src/http/app-options.ts";
import { BASE, startService, type Answer, type Fields, type Sent } from "../http/service.ts";

/** The origin that may call. */
export const ORIGIN = "https://www.example.com";

/** What answers of tokens and keys have besides. */
export interface MoreFields extends Fields {
  readonly token: string;
  readonly key: string;
  readonly expiresAt: string;
}

/** `200`, or `404 not_found`. */
export function outcome({ status, json }: Answer): string {
  return json && "code" in json ? `${status} ${json.code}` : String(status);
}

/** Starts it, with a key of every scope. */
export async function startGuarded(options: Partial<AppOptions> = {}, { addressPerMinute = 0, credentialPerMinute = 0 } = {}) {
  const place = { address: "203.0.113.77" };
  const service = startService({
    keyless: { allowed: false, remoteAddress: () => "127.0.0.1" },
    clientAddress: () => place.address,
    allowedOrigins: [ORIGIN],
    ...options,
  });
  const { time } = service;
  const guarded = startService({
    keyless: { allowed: false, remoteAddress: () => "127.0.0.1" },
    clientAddress: () => place.address,
    allowedOrigins: [ORIGIN],
    manager: service.manager,
    keys: service.keys,
    clock: () => time.now,
    rateLimits: { limiter: localRateLimiter(() => time.now), addressPerMinute, credentialPerMinute },
    ...options,
  });
  const keys = {} as Record<KeyScope, string>;
  for (const scope of ["site", "service", "operator", "admin"] as const) keys[scope] = (await service.keys.create({ scope })).key;

  /** Sends a request with a key or token, or with none. */
  async function call(credential: string | null, method: string, path: string, { headers, ...sent }: Sent = {}) {
    const authorization: Record<string, string> = credential === null ? {} : { authorization: `Bearer ${credential}` };
    return (await guarded.call(method, path, { ...sent, headers: { ...authorization, ...headers } })) as Answer & { json: MoreFields };
  }

  /** A new conversation and its token, as a page gets them. */
  async function begin(): Promise<{ id: string; token: string }> {
    const { json } = await call(keys.site, "POST", BASE, { headers: { origin: ORIGIN } });
    return { id: json.conversationId, token: json.token };
  }

  return { ...guarded, call, begin, keys, apiKeys: service.keys, manager: service.manager, stores: service.stores, place, time };
}

/** Another service over the same keys, as another server has it. */
export function otherKeys(stores: Parameters<typeof createApiKeys>[0]["records"], secret: Uint8Array<ArrayBuffer>, clock: () => number) {
  return createApiKeys({ records: stores, secret, clock });
}
