/** Who calls: an API key, the token of one conversation, or, in keyless development, anybody on this machine (section 9 of the specification). */
import type { Context } from "hono";
import type { Route, Scope } from "../contract/index.ts";
import { ConversationNotFoundError, ForbiddenError, UnauthorizedError } from "../core/errors.ts";
import { parseApiKey, type KeyScope, type KeyText } from "../security/api-key-text.ts";
import type { ApiKey, ApiKeys } from "../security/api-keys.ts";
import { looksLikeToken, type ConversationTokens, type TokenClaims } from "../security/conversation-tokens.ts";
import { addressBucket } from "./address-bucket.ts";
import type { AnswerHeaders, Authenticate, Caller } from "./caller.ts";
import type { RateChecks } from "./rate-limits.ts";
import type { TokenEpochs } from "./token-epochs.ts";

/** What authentication needs. */
export interface AuthenticationOptions {
  /** Null: none are kept, and none works. */
  readonly keys: ApiKeys | null;
  readonly tokens: ConversationTokens;
  readonly epochs: TokenEpochs;
  readonly rates: RateChecks;
  /** Who comes without anything. */
  readonly keyless: Authenticate;
  readonly clientAddress: (c: Context) => string | null;
  /** Origins of web pages that may call. */
  readonly allowedOrigins: readonly string[];
}

/** What the scope of a key includes. */
const INCLUDED: Readonly<Record<KeyScope, readonly Scope[]>> = {
  site: ["site"],
  service: ["service"],
  operator: ["service", "operator"],
  admin: ["site", "service", "operator", "admin"],
};

const LONGEST = 4096;

type Credential = { kind: "none" } | { kind: "wrong"; why: string } | { kind: "key"; key: KeyText } | { kind: "token"; token: TokenClaims };

/** What a request shows: only the Authorization header counts, and only one of them. */
async function credentialOf(c: Context, tokens: ConversationTokens): Promise<Credential> {
  const header = c.req.header("authorization");
  if (header === undefined) return { kind: "none" };
  const wrong = (why: string): Credential => ({ kind: "wrong", why });
  if (header.length > LONGEST) return wrong("The Authorization header is too long");
  const [, text] = /^Bearer +([^\s,]+)$/i.exec(header) ?? [];
  if (text === undefined) return wrong("The Authorization header must be one, of the form: Bearer <key or token>");
  const key = parseApiKey(text);
  if (key) return { kind: "key", key };
  if (!looksLikeToken(text)) return wrong("This is no API key: its form or its checksum is wrong");
  try {
    return { kind: "token", token: await tokens.read(text) };
  } catch (error) {
    if (error instanceof UnauthorizedError) return wrong(error.message);
    throw error;
  }
}

function callerOf({ id, scope }: ApiKey, bucket: string): Caller {
  const included = INCLUDED[scope];
  const may = (wanted: Scope): boolean => included.includes(wanted);
  // All visitors of a site have its key: what one of them has asked for is not another one's.
  return scope === "site" ? { client: `key:${id} of ${bucket}`, may, site: true } : { client: `key:${id}`, may };
}

/** Authentication of a service. The address counts for what shows nothing of ours, and for site keys; everything else counts by itself. */
export function createAuthentication(options: AuthenticationOptions): Authenticate {
  const { keys, tokens, epochs, rates, clientAddress, allowedOrigins } = options;

  function checkOrigin(c: Context, { origins }: ApiKey): void {
    const origin = c.req.header("origin");
    if (origin === undefined) throw new ForbiddenError("A site key works in web pages only, which name their Origin");
    if (!allowedOrigins.includes(origin) || (origins.length > 0 && !origins.includes(origin))) {
      throw new ForbiddenError("This key does not work on this origin. Allow it for the key, and in ALLOWED_ORIGINS.");
    }
  }

  async function byKey(c: Context, key: KeyText, route: Route<never, never>, bucket: string, headers: AnswerHeaders): Promise<Caller> {
    if (key.scope === "site") await rates.address(bucket, headers);
    let known: ApiKey;
    try {
      if (!keys) throw new UnauthorizedError("The API key is not known");
      known = await keys.recognise(key);
    } catch (error) {
      if (error instanceof UnauthorizedError) await rates.failure(bucket, headers);
      throw error;
    }
    const caller = callerOf(known, bucket);
    if (!route.scopes.some((scope) => caller.may(scope))) {
      throw new ForbiddenError(`This needs a key of the scope ${route.scopes.filter((scope) => scope !== "token").join(" or ")}`);
    }
    if (caller.site) checkOrigin(c, known);
    else await rates.credential(caller.client, headers);
    return caller;
  }

  async function byToken(c: Context, token: TokenClaims, route: Route<never, never>, headers: AnswerHeaders): Promise<Caller> {
    const { conversation, operations, epoch } = token;
    const client = `token:${conversation}`;
    if (!route.scopes.includes("token")) throw new ForbiddenError("The token of a conversation does not allow this");
    const id = c.req.param("id") ?? "";
    // Nobody learns from a token whether other conversations exist.
    if (id !== conversation) throw new ConversationNotFoundError(id);
    if (!operations.includes(route.tokenOperation!)) throw new ForbiddenError("This token does not allow this operation");
    await rates.credential(client, headers);
    const current = await epochs.of(conversation);
    if (current === null) throw new ConversationNotFoundError(conversation);
    if (epoch !== current) throw new UnauthorizedError("The token was revoked; get a new one");
    return { client, may: (scope) => scope === "token", token };
  }

  return async (c, route, headers) => {
    const credential = await credentialOf(c, tokens);
    const bucket = addressBucket(clientAddress(c));
    switch (credential.kind) {
      case "key":
        return byKey(c, credential.key, route, bucket, headers);
      case "token":
        return byToken(c, credential.token, route, headers);
      case "wrong":
        await rates.address(bucket, headers);
        await rates.failure(bucket, headers);
        throw new UnauthorizedError(credential.why);
      case "none":
        await rates.address(bucket, headers);
        return options.keyless(c, route, headers);
    }
  };
}
