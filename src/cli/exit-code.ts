/** From an error to what the command says of it and with which code it exits. */
import { ConversationError, type ErrorCode } from "../core/errors.ts";
import { ConfigurationError } from "../runtimes/node/configuration-error.ts";
import { UsageError } from "./command.ts";
import { NotConfirmedError } from "./confirm.ts";
import type { Output } from "./output.ts";

/** 0 done, 1 failed, 2 usage or configuration, 3 not found or gone, 4 refused, 5 store unreachable. */
const EXIT: Readonly<Record<ErrorCode, number>> = {
  invalid_id: 2,
  invalid_input: 2,
  unauthorized: 4,
  forbidden: 4,
  not_found: 3,
  conflict: 4,
  gone: 3,
  version_mismatch: 4,
  too_large: 4,
  rate_limited: 4,
  not_supported: 4,
  store_unavailable: 5,
  method_not_allowed: 4,
  request_timeout: 5,
  unsupported_media_type: 4,
  idempotency_key_reused: 4,
  headers_too_large: 4,
  internal: 1,
};

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigurationError) return 2;
  if (error instanceof NotConfirmedError) return EXIT.forbidden;
  return error instanceof ConversationError ? EXIT[error.code] : 1;
}

/** Says what went wrong, and answers the exit code. */
export function report(error: unknown, output: Output): number {
  if (error instanceof UsageError) output.failure(error.message, "invalid_input", undefined, error.hint);
  else if (error instanceof NotConfirmedError) output.failure(error.message, "forbidden", error.details, error.hint);
  else if (error instanceof ConfigurationError) output.failure(error.message, "invalid_input", { faults: error.faults });
  else if (error instanceof ConversationError) output.failure(error.message, error.code, error.details);
  else output.failure(error instanceof Error ? error.message : String(error), "internal");
  return exitCodeOf(error);
}
