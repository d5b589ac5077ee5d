/** Every failure a caller can meet: one class per code, each with the HTTP status it maps to. The list is closed. */

/** The codes an answer can carry. Those after `store_unavailable` arise only at the HTTP door. */
export type ErrorCode =
  | "invalid_id"
  | "invalid_input"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "gone"
  | "version_mismatch"
  | "too_large"
  | "rate_limited"
  | "not_supported"
  | "store_unavailable"
  | "method_not_allowed"
  | "request_timeout"
  | "unsupported_media_type"
  | "idempotency_key_reused"
  | "headers_too_large"
  | "internal";

/** Further facts about a failure, safe to show to the caller: never input, addresses or text of a chat. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** The base of every error of this package. `message` is a sentence for people; `cause` is for logs alone. */
export abstract class ConversationError extends Error {
  abstract readonly code: ErrorCode;
  abstract readonly status: number;
  readonly details: ErrorDetails | undefined;

  constructor(message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details;
  }
}

/** A text that is not a conversation ID. */
export class InvalidConversationIdError extends ConversationError {
  readonly code = "invalid_id";
  readonly status = 400;
  constructor() {
    super("Invalid conversation ID format");
  }
}

/** An argument breaks a rule; the message names the field and the rule. */
export class InvalidInputError extends ConversationError {
  readonly code = "invalid_input";
  readonly status = 400;
}

/** No valid credential was given. */
export class UnauthorizedError extends ConversationError {
  readonly code = "unauthorized";
  readonly status = 401;
}

/** The credential is valid, and does not allow this. */
export class ForbiddenError extends ConversationError {
  readonly code = "forbidden";
  readonly status = 403;
}

/** No conversation has this ID. */
export class ConversationNotFoundError extends ConversationError {
  readonly code = "not_found";
  readonly status = 404;
  constructor(id: string) {
    super(`Conversation ${id} not found`);
  }
}

/** What was asked contradicts what is stored; the message says what, and with what. */
export class ConflictError extends ConversationError {
  readonly code = "conflict";
  readonly status = 409;
}

/** The conversation was erased. */
export class GoneError extends ConversationError {
  readonly code = "gone";
  readonly status = 410;
  constructor() {
    super("Conversation was erased");
  }
}

/** Which state of a conversation this is. */
export interface CurrentVersion {
  incarnation: string;
  version: number;
  lastAccess: number | null;
}

/** `expectedVersion` or `If-Match` is stale. */
export class VersionMismatchError extends ConversationError {
  readonly code = "version_mismatch";
  readonly status = 412;
  /** What is stored now, from which a door makes the current ETag. */
  readonly current: CurrentVersion;
  constructor(current: CurrentVersion) {
    super(`The conversation has changed: its version is now ${current.version}. Read it again and repeat the change.`, {
      details: { version: current.version },
    });
    this.current = current;
  }
}

/** Something is larger than its limit; the message says which, and how large. */
export class TooLargeError extends ConversationError {
  readonly code = "too_large";
  readonly status = 413;
}

/** An idempotency key was used before for another request. */
export class IdempotencyKeyReusedError extends ConversationError {
  readonly code = "idempotency_key_reused";
  readonly status = 422;
  constructor() {
    super("This Idempotency-Key was already used for a different request. Use a new key for a new request.");
  }
}

/** Too many requests. `retryAfter` is in seconds. */
export class RateLimitedError extends ConversationError {
  readonly code = "rate_limited";
  readonly status = 429;
  readonly retryAfter: number;
  constructor(retryAfter: number) {
    super(`Too many requests. Try again in ${retryAfter} seconds.`, { details: { retryAfter } });
    this.retryAfter = retryAfter;
  }
}

/** The configured stores cannot do this; the message says which ability is missing. */
export class NotSupportedError extends ConversationError {
  readonly code = "not_supported";
  readonly status = 501;
}

/** A store did not take or give the data; nothing was acknowledged. Trying again later is right. */
export class StoreUnavailableError extends ConversationError {
  readonly code = "store_unavailable";
  readonly status = 503;
}

/** A stored record cannot be read; other conversations are not affected. An operator must look at it. */
export class StoredDataError extends ConversationError {
  readonly code = "internal";
  readonly status = 500;

  /** A `SyntaxError` as the cause is left out: it quotes what was stored, and no log may hold that. */
  constructor(message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    const { cause, ...rest } = options;
    super(message, cause instanceof SyntaxError ? rest : options);
  }
}
