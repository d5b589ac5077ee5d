/** Runs something with the configured manager, and closes it whatever happens. */
import type { ConversationManager } from "../core/manager.ts";
import { readConfig } from "../runtimes/node/config.ts";
import { openManager } from "../runtimes/node/open-manager.ts";
import type { Output } from "./output.ts";

/** `create`: make the database if it is not there. What fails off the way (passing on, moving) is noted. */
export async function withManager<T>(output: Output, create: boolean, run: (manager: ConversationManager) => Promise<T>): Promise<T> {
  const onError = (error: unknown, during: string): void =>
    output.note(`itera: ${during}: ${error instanceof Error ? error.message : String(error)}`);
  const manager = await openManager(readConfig(), { create, onError });
  try {
    return await run(manager);
  } finally {
    await manager.close();
  }
}
