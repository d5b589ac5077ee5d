/** From an error to an answer in the failure envelope, and to what a log may hold of it. */
import { ConversationError, ConversationNotFoundError, RateLimitedError, UnauthorizedError, VersionMismatchError } from "../core/errors.ts";
import { MethodNotAllowedError, RequestTimeoutError } from "./door-errors.ts";
import { etagOf } from "./etag.ts";
import { json, type Reply } from "./reply.ts";

/** Seconds after which it makes sense to ask a store again. */
const RETRY_AFTER = "1";

/** What the failing request was about. */
export interface FailureContext {
  readonly requestId: string;
  /** The sentence of 500 and 503. */
  readonly sentence: string;
  /** The window of the transcript that the ETag of a 412 names; all of it by default. */
  readonly window?: () => string | number;
}

function headersOf(error: ConversationError, { window = () => "all" }: FailureContext): Record<string, string> {
  if (error.status === 503) return { "retry-after": RETRY_AFTER };
  if (error instanceof VersionMismatchError) return { etag: etagOf(error.current, window()) };
  if (error instanceof MethodNotAllowedError) return { allow: error.allow };
  if (error instanceof RateLimitedError) return { "retry-after": String(error.retryAfter) };
  if (error instanceof UnauthorizedError) return { "www-authenticate": 'Bearer realm="itera-conversations"' };
  // What is still on its way would be taken for the next request.
  if (error instanceof RequestTimeoutError) return { connection: "close" };
  return {};
}

function sentenceOf(error: ConversationError, sentence: string): string {
  if (error.status === 500 || error.status === 503) return sentence;
  return error instanceof ConversationNotFoundError ? "Conversation not found" : error.message;
}

/** The answer to an error. Of anything but our own errors nothing is told. */
export function failureReply(error: unknown, context: FailureContext): Reply {
  const { requestId, sentence } = context;
  if (!(error instanceof ConversationError)) return json({ success: false, error: sentence, code: "internal", requestId }, 500);
  const details = error.status < 500 && error.details !== undefined ? { details: error.details } : {};
  const envelope = { success: false, error: sentenceOf(error, sentence), code: error.code, requestId, ...details };
  return json(envelope, error.status, headersOf(error, context));
}

/** Faults of programs, whose messages name code and not data. Those of engines and parsers may quote what was stored or sent, or say where a store is. */
const TELLING = new Set(["TypeError", "ReferenceError", "RangeError"]);

/** What a log may hold of an error: its class, its code, where it arose, and the same of its cause. */
export function loggable(error: unknown, depth = 3): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, stack = "", cause } = error;
  const code: unknown = (error as { code?: unknown }).code;
  return {
    name,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(error instanceof ConversationError || TELLING.has(name) ? { message: error.message } : {}),
    at: stack
      .split("\n")
      .filter((line) => line.startsWith("    at "))
      .slice(0, 6)
      .map((line) => line.trim()),
    ...(cause === undefined || depth <= 1 ? {} : { cause: loggable(cause, depth - 1) }),
  };
}
