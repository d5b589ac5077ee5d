/** What can be wrong with a backup, each as a sentence that says what to do. */
import { ConversationError, StoredDataError } from "../../core/errors.ts";

/** There is no such backup. */
export class BackupNotFoundError extends ConversationError {
  readonly code = "not_found";
  readonly status = 404;
}

/** A backup is not what was written: nothing of it is used. */
export function damaged(what: string): StoredDataError {
  return new StoredDataError(`The backup is damaged: ${what}. Nothing of it was used; take another one`);
}
