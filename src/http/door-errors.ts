/** The failures that arise at the HTTP door alone. */
import { ConversationError } from "../core/errors.ts";

/** No route has this path. */
export class RouteNotFoundError extends ConversationError {
  readonly code = "not_found";
  readonly status = 404;
  constructor() {
    super("Not found");
  }
}

/** No API key has this public part. */
export class KeyNotFoundError extends ConversationError {
  readonly code = "not_found";
  readonly status = 404;
  constructor() {
    super("API key not found");
  }
}

/** The path exists, but not with this method. `allow` lists those that it has. */
export class MethodNotAllowedError extends ConversationError {
  readonly code = "method_not_allowed";
  readonly status = 405;
  readonly allow: string;
  constructor(allow: string) {
    super(`This method is not allowed here; ${allow} are`);
    this.allow = allow;
  }
}

/** The body did not arrive in time. */
export class RequestTimeoutError extends ConversationError {
  readonly code = "request_timeout";
  readonly status = 408;
  constructor() {
    super("The request did not arrive in time. Send it again.");
  }
}

/** The body is not JSON in UTF-8. */
export class UnsupportedMediaTypeError extends ConversationError {
  readonly code = "unsupported_media_type";
  readonly status = 415;
}
