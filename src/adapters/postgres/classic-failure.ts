/** Why a database of nine columns did not take or give a conversation, and what to run where its tables are the reason. */
import { StoreUnavailableError } from "../../core/errors.ts";

const RUN = "run `itera migrate` with DATABASE_URL set to this database; it keeps all rows";

/** By SQLSTATE. Whoever gives the `{query}` may have wrapped the error; its code is what counts. */
const SENTENCES: Readonly<Record<string, string>> = {
  "22001": `A column of the table conversations is too short (an ID has 36 characters): ${RUN}`,
  "23514": `A check of the table conversations does not know this conversation's ID or status: ${RUN}`,
  "42501": "The role of the database connection may not use the table conversations: grant it SELECT, INSERT and UPDATE",
  "42703": `The table conversations lacks a column: ${RUN}`,
  "42804": `A column of the table conversations is of another type: ${RUN}`,
  "42P01": `There is no table conversations in this database: ${RUN}`,
  "42P10": `The table conversations has no key on its ID alone: ${RUN}`,
};

/** Translates what a `{query}` threw. */
export function classicFailure(cause: unknown): StoreUnavailableError {
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  const sentence = typeof code === "string" ? SENTENCES[code] : undefined;
  return new StoreUnavailableError(sentence ?? "The database did not answer; try again in a moment", { cause });
}
