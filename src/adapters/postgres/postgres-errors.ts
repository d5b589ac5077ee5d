/** The edge at which PostgreSQL's and its driver's errors become ours. What is matched is the SQLSTATE, never a text. */
import { ConversationError, StoreUnavailableError } from "../../core/errors.ts";

/** What to say for a SQLSTATE, or for the class that its first two characters are. What is not here is a fault in the program. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  "08": "The connection to PostgreSQL failed; it is opened again with the next call",
  "25006": "PostgreSQL takes no writes here (a standby, or set to read-only); point DATABASE_URL at the primary server",
  "28": "PostgreSQL did not accept the user or password; check DATABASE_URL",
  "3D000": "The PostgreSQL database does not exist; create it, or check DATABASE_URL",
  "3F000": "The schema does not exist; check the search_path, then run `itera migrate`",
  "40": "PostgreSQL could not finish the transaction beside the others; try again",
  "42501": "The PostgreSQL role may not do this; let it own the tables, or grant it their use",
  "42883": "A function of the schema is missing or from another version; run `itera migrate`",
  "42P01": "A table of the schema is missing; run `itera migrate`",
  "42703": "A column of the schema is missing; run `itera migrate`",
  "53": "PostgreSQL is out of resources; try again in a moment, and look at its log",
  "53100": "The disk of PostgreSQL is full; free space, and writing goes on by itself",
  "53300": "PostgreSQL has no connection left; lower DATABASE_POOL_SIZE, or raise max_connections",
  "55P03": "Something in PostgreSQL is locked by somebody else; try again",
  "57": "PostgreSQL interrupted the statement; try again",
  "57014": "PostgreSQL did not finish the statement within its timeout; try again",
  "57P01": "PostgreSQL is being stopped; try again when it is back",
  "57P03": "PostgreSQL is starting or stopping; try again in a moment",
  "58": "PostgreSQL failed to read or write its files; look at its log",
  XX001: "A table of PostgreSQL is damaged; look at its log, and restore the last backup",
  XX002: "An index of PostgreSQL is damaged; look at its log, and rebuild it with REINDEX",
};

/** Serialization failures and deadlocks: the transaction is gone whole, so that the same statement may simply be sent again. */
const HARMLESS: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** The SQLSTATE, if the server itself answered with an error (then it has a severity), else null. */
export function sqlStateOf(error: unknown): string | null {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return error instanceof Error && typeof severity === "string" && typeof code === "string" ? code : null;
}

/** Whether the same statement may be sent again at once. */
export function isRetryable(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && HARMLESS.has(state);
}

/** A mistake of the calling program, found before anything was sent. */
function isFault(error: unknown): boolean {
  return [TypeError, RangeError, SyntaxError, ReferenceError].some((kind) => error instanceof kind);
}

/**
 * Makes the errors of PostgreSQL and its driver ours. A driver's own errors (no connection, no answer in time, pool ended) carry no
 * SQLSTATE: whatever is not the server's answer means that the server could not be asked.
 */
export function translate(error: unknown): Error {
  if (error instanceof ConversationError) return error;
  const state = sqlStateOf(error);
  if (state !== null) {
    const sentence = UNAVAILABLE[state] ?? UNAVAILABLE[state.slice(0, 2)];
    return sentence === undefined ? (error as Error) : new StoreUnavailableError(sentence, { cause: error });
  }
  if (isFault(error)) return error as Error;
  return new StoreUnavailableError("PostgreSQL did not answer; try again in a moment, and check that it runs and can be reached", {
    cause: error,
  });
}
