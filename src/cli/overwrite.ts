/** After what destroys: the engines overwrite it in their files too, also where no server runs that would see to it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationManager } from "../core/manager.ts";
import type { Output } from "./output.ts";

/** Others may keep the engine busy for a while; then it is left to them. */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 50;

/** Waits until it is overwritten. The removal itself is stored by then: that this takes longer is a note, and no failure of the command. */
export async function overwrite({ stores: { hot, archive } }: ConversationManager, output: Output): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  let why = "others keep it busy";
  try {
    while (performance.now() < until) {
      if ((await hot.scrub()) && (archive === null || (await archive.scrub()))) return;
      await sleep(PAUSE_MS);
    }
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  output.note(`itera: it is removed, but the store has not overwritten it yet (${why}). A server does it within minutes, or: itera sweep`);
}
