/** Tokens for browsers: a JWT for one conversation, a list of operations and a time, under a key of its own. */
import { errors, jwtVerify, SignJWT } from "jose";
import { UnauthorizedError } from "../core/errors.ts";
import { TOKEN_OPERATIONS, TOKEN_SECONDS, type TokenOperation } from "../core/token-operation.ts";
import { deriveKey } from "./mac.ts";

/** What a token says. */
export interface TokenClaims {
  readonly conversation: string;
  readonly operations: readonly TokenOperation[];
  /** `Head.tokenEpoch` when it was made; once that is another, the token is worth nothing. */
  readonly epoch: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Makes and reads tokens. */
export interface ConversationTokens {
  /** `seconds` within `TOKEN_SECONDS`. */
  issue(claims: Omit<TokenClaims, "expiresAt">, seconds: number): Promise<{ token: string; expiresAt: number }>;
  /** What a token of ours says while it lasts. The epoch is the caller's to compare. Throws `UnauthorizedError`. */
  read(token: string): Promise<TokenClaims>;
}

/** One algorithm, whatever a token's header says. */
const ALGORITHM = "HS256";
const TYPE = "conversation+jwt";
const AUDIENCE = "itera-conversations";

const NOT_VALID = "The token is not valid";

/** A signature of 32 bytes leaves two bits of its last character unused. In a token of ours they are zero, so that no other text is as good. */
const WHOLE_SIGNATURE = /\.[\w-]{42}[AEIMQUYcgkosw048]$/;

/** Tokens under a key derived from the service's secret for this purpose alone. */
export function createConversationTokens(secret: Uint8Array<ArrayBuffer>, clock: () => number = Date.now): ConversationTokens {
  let key: Promise<Uint8Array<ArrayBuffer>> | undefined;
  const ownKey = () => (key ??= deriveKey(secret, "conversation token"));

  return {
    async issue({ conversation, operations, epoch }, seconds) {
      const issued = Math.floor(clock() / 1000);
      const expires = issued + seconds;
      const token = await new SignJWT({ ops: [...operations], epoch })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setSubject(conversation)
        .setAudience(AUDIENCE)
        .setIssuedAt(issued)
        .setExpirationTime(expires)
        .sign(await ownKey());
      return { token, expiresAt: expires * 1000 };
    },

    async read(token) {
      if (!WHOLE_SIGNATURE.test(token)) throw new UnauthorizedError(NOT_VALID);
      try {
        const { payload } = await jwtVerify(token, await ownKey(), {
          algorithms: [ALGORITHM],
          typ: TYPE,
          audience: AUDIENCE,
          requiredClaims: ["sub", "iat", "exp"],
          maxTokenAge: TOKEN_SECONDS.max,
          currentDate: new Date(clock()),
        });
        const { sub, exp, ops, epoch } = payload;
        if (typeof sub !== "string" || typeof epoch !== "number" || !Array.isArray(ops)) throw new UnauthorizedError(NOT_VALID);
        const operations = TOKEN_OPERATIONS.filter((operation) => ops.includes(operation));
        return { conversation: sub, operations, epoch, expiresAt: exp! * 1000 };
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw new UnauthorizedError("The token has expired; get a new one");
        if (error instanceof errors.JOSEError) throw new UnauthorizedError(NOT_VALID);
        throw error;
      }
    },
  };
}

/** Whether a text looks like a token rather than a key: three parts with dots. */
export function looksLikeToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}
