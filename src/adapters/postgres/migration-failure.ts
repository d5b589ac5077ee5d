/** What PostgreSQL throws while a database is brought up to date, as a sentence that says what to do. */
import { ConversationError, InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";
import { sqlStateOf } from "./postgres-errors.ts";

/** What PostgreSQL itself said: about tables and rights, never about rows. */
function saidBy(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error as a log may have it: its details can hold a whole row. */
function withoutRows(error: unknown): unknown {
  if (sqlStateOf(error) !== null) Object.assign(error as object, { detail: undefined, where: undefined });
  return error;
}

/** An error of PostgreSQL that happened during `what` ("migration 002-live"), translated by its code. Our own errors stay as they are. */
export function migrationFailure(error: unknown, what: string): Error {
  if (error instanceof ConversationError) return error;
  const state = sqlStateOf(error);
  const because = { cause: withoutRows(error) };
  if (state === "42501") {
    return new InvalidInputError(
      `PostgreSQL does not allow ${what} (${saidBy(error)}). Run \`itera migrate\` with the address of a role that owns the tables and may ` +
        "create in the schema (GRANT CREATE, USAGE ON SCHEMA … TO …), or print the SQL for somebody who may: itera migrate --print",
      because,
    );
  }
  if (state !== null && /^(42P07|42710|42723)$/.test(state)) {
    return new InvalidInputError(
      `${sentence(what)} meets something of another program (${saidBy(error)}). Give the conversations a schema of their own: create it, ` +
        "and add ?options=-c%20search_path%3D<schema> to the address",
      because,
    );
  }
  if (state === "25006") {
    return new InvalidInputError(
      `${sentence(what)} needs a database that can be written to; this one is read-only, as a replica is`,
      because,
    );
  }
  if (state === "55P03" || state === "40P01") {
    return new StoreUnavailableError(
      `${sentence(what)} did not get its turn at a table that others use; nothing was changed. Try again, or stop what works on it`,
      because,
    );
  }
  // The connection, its resources, an operator, the disk; without a state PostgreSQL did not answer at all.
  if (state === null || /^(08|53|57|58)/.test(state)) {
    return new StoreUnavailableError(
      `PostgreSQL was lost during ${what}; what was not finished goes on with the next start or \`itera migrate\``,
      because,
    );
  }
  return new InvalidInputError(`${sentence(what)} failed, and what it had begun was undone: ${saidBy(error)}`, because);
}

function sentence(what: string): string {
  return what.charAt(0).toUpperCase() + what.slice(1);
}
