/** What a route of the API is: everything that a server, its documentation and its tests need to know of it, as data. */
import type * as z from "zod";
import type { ErrorCode } from "../core/errors.ts";
import type { TokenOperation } from "../core/token-operation.ts";
import type { Body, Part } from "./check.ts";

/** Who may call: a publishable key of a site, a key of a service, operator or administrator, the token of one conversation, or anybody. */
export type Scope = "site" | "service" | "operator" | "admin" | "token" | "open";

/** The methods in use. HEAD goes with every GET. */
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** One route. `B` and `Q` are what body and query are read as. */
export interface Route<B = unknown, Q = unknown> {
  /** Its operation ID, and what the named schemas of its body and answer begin with. */
  readonly name: string;
  readonly method: Method;
  /** With `{id}` for the conversation. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly scopes: readonly Scope[];
  /** What a token must allow, where `scopes` has tokens. */
  readonly tokenOperation?: TokenOperation;
  /** What needs more than `scopes`. */
  readonly elevated?: { readonly scopes: readonly Scope[]; readonly when: string };
  /** The sentence of its 500 and 503. */
  readonly failure: string;
  readonly query?: Part<Q, z.ZodObject>;
  readonly body?: Body<B>;
  /** The JSON of its 200, or the content type of what is not JSON. */
  readonly answer: z.ZodType | string;
  /** Answers beside 200 that are no failures. */
  readonly alsoAnswers?: { readonly [status: number]: { readonly description: string; readonly schema?: z.ZodType } };
  /** Takes `Idempotency-Key`; elsewhere it is ignored. */
  readonly idempotencyKey?: true;
  /** Takes `If-Match`, or `If-None-Match`. */
  readonly ifMatch?: true;
  readonly ifNoneMatch?: true;
  /** The query parameter that says how much of the transcript an ETag speaks of; without it there is no ETag. */
  readonly etag?: "messages" | "window";
  /** Codes beside those that follow from the rest (`errorCodes`). */
  readonly errors?: readonly ErrorCode[];
}

/** Gives a route as it is written, with the types of its parts. */
export function route<B = undefined, Q = undefined>(definition: Route<B, Q>): Route<B, Q> {
  return definition;
}

/** Whether anybody may call it. */
export function isOpen({ scopes }: Pick<Route, "scopes">): boolean {
  return scopes.includes("open");
}

/** The codes of all failures that a route answers, but for 405 and what the parser of HTTP refuses. */
export function errorCodes(given: Route<never, never> | Route): ErrorCode[] {
  const codes = new Set<ErrorCode>(given.errors);
  const add = (...more: ErrorCode[]) => more.forEach((code) => codes.add(code));
  const ofConversation = given.path.includes("{id}");
  if (!isOpen(given)) add("unauthorized", "forbidden", "rate_limited", "internal", "store_unavailable");
  if (ofConversation) add("invalid_id", "not_found", "gone");
  if (given.path.includes("{key}")) add("not_found");
  if (given.query || given.ifMatch || given.idempotencyKey) add("invalid_input");
  if (given.body) add("invalid_input", "too_large", "request_timeout", "unsupported_media_type");
  if (ofConversation && given.method !== "GET") add("conflict");
  if (given.ifMatch) add("version_mismatch");
  if (given.idempotencyKey) add("idempotency_key_reused", "not_supported");
  return [...codes];
}
