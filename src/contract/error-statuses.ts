/** The codes of failures with the HTTP status of each. */
import type { ErrorCode } from "../core/errors.ts";

/** Every code that an answer can carry, and its status. */
export const ERROR_STATUSES = {
  invalid_id: 400,
  invalid_input: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  gone: 410,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  rate_limited: 429,
  headers_too_large: 431,
  internal: 500,
  not_supported: 501,
  store_unavailable: 503,
} as const satisfies Record<ErrorCode, number>;
