/** Patience at the start: servers of stores may come up a little later than this one. */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError } from "../../core/errors.ts";
import { pauseAfter } from "./connection-gate.ts";

/** SQLSTATEs that no waiting mends: who may connect, which database and schema there is, what it may do. */
const FINAL = /^(28|3D|3F|42)/;

function mayComeUp(error: unknown): boolean {
  if (!(error instanceof StoreUnavailableError)) return false;
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  // A file that is not there, or not to be made, has a code of the file system.
  return typeof code !== "string" || !(FINAL.test(code) || /^(ENOENT|EEXIST|EACCES|EPERM|ENOTDIR|EISDIR|EROFS)$/.test(code));
}

/** How long is waited, in ms, who is told of each try that failed, and what ends the waiting early. */
export interface Waiting {
  readonly withinMs: number;
  readonly onWait: (error: unknown) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Opens something, again and again while its server does not answer. Throws what the last try threw. */
export async function untilThere<T>(open: () => Promise<T>, { withinMs, onWait, signal }: Waiting): Promise<T> {
  const until = performance.now() + withinMs;
  for (let failures = 1; ; failures++) {
    try {
      return await open();
    } catch (error) {
      if (!mayComeUp(error) || performance.now() >= until || signal?.aborted) throw error;
      onWait(error);
      await sleep(pauseAfter(failures), undefined, signal ? { signal } : {}).catch(() => {
        throw error;
      });
    }
  }
}
