/** What `npm start` runs: the server, configured by the environment and `.env`. */
import { ConversationError, InvalidInputError, StoreUnavailableError } from "../../core/errors.ts";
import { readConfig } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { serve } from "./serve.ts";

/** The codes of the command line: 2 configuration, 5 store unreachable, 1 anything else. */
function exitCodeOf(error: unknown): number {
  // A database of another prefix or a newer schema is one that the configuration should not name.
  if (error instanceof ConfigurationError || error instanceof InvalidInputError) return 2;
  return error instanceof StoreUnavailableError ? 5 : 1;
}

try {
  process.exitCode = await serve(readConfig());
} catch (error) {
  const expected = error instanceof ConfigurationError || error instanceof ConversationError;
  console.error(expected ? error.message : error);
  process.exitCode = exitCodeOf(error);
}
