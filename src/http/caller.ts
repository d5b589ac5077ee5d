/** Who calls: what authentication finds out, and what the rest of a request needs of it. */
import type { Context } from "hono";
import type { Route, Scope } from "../contract/index.ts";
import type { TokenClaims } from "../security/conversation-tokens.ts";

/** A caller that may do what its route demands. */
export interface Caller {
  /** What idempotency keys belong to. */
  readonly client: string;
  /** Whether its key includes this scope; without keys everybody may do everything. */
  may(scope: Scope): boolean;
  /** A site key: what it creates is answered with a token. */
  readonly site?: true;
  /** The token that it came with. */
  readonly token?: TokenClaims;
}

/** Headers that every answer to this request carries, however it ends. */
export type AnswerHeaders = Record<string, string>;

/** Finds out who calls, and whether they may. Throws `UnauthorizedError`, `ForbiddenError`, `RateLimitedError`, and for a token on what it is not for `ConversationNotFoundError`. */
export type Authenticate = (c: Context, route: Route<never, never>, headers: AnswerHeaders) => Caller | Promise<Caller>;
