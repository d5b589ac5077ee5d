/** The prefix of conversation IDs: a database keeps the one that it was made with. */
import { InvalidInputError } from "../../core/errors.ts";
import { tableExists, type MigrationConnection } from "./migration-lock.ts";

/** Tells the migrations of this transaction for which prefix they make the database. */
export async function announcePrefix(connection: MigrationConnection, idPrefix: string): Promise<void> {
  await connection.query("SELECT set_config('itera.id_prefix', $1, true)", [idPrefix]);
}

/** Throws `InvalidInputError` if the database was made for another prefix. Where it has none yet, any will do. */
export async function checkPrefix(connection: MigrationConnection, idPrefix: string): Promise<void> {
  if (!(await tableExists(connection, "conversation_meta"))) return;
  const { rows: found } = await connection.query("SELECT value FROM conversation_meta WHERE key = 'id_prefix'");
  const kept = (found[0] as { value: string } | undefined)?.value ?? idPrefix;
  if (kept !== idPrefix) {
    throw new InvalidInputError(
      `The database was made for conversation IDs that begin with ${kept}, not ${idPrefix}; set CONVERSATION_ID_PREFIX to ${kept}, or use ` +
        "another database",
    );
  }
}
