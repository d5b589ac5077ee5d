/** The largest row: production refuses what is above 2 MB, the local runtime only what is far above, so it is checked here. */
import { TooLargeError } from "../../core/errors.ts";

const MAX_ROW_BYTES = 2_000_000;

/** For what a row holds beside its texts: numbers, lengths. */
const FRAME_BYTES = 200;

/** For the key and the digest of a message, as the manager makes them. */
const KEY_BYTES = 9_800;

/** The largest message that is taken in any case. */
export const MAX_MESSAGE_BYTES = MAX_ROW_BYTES - KEY_BYTES - FRAME_BYTES;

const encoder = new TextEncoder();

/** Whether texts fit into so many bytes of UTF-8. They are measured only if it can matter: a UTF-16 unit is 3 bytes at most. */
function fit(most: number, texts: readonly string[]): boolean {
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  if (units * 3 <= most || units > most) return units <= most;
  return texts.reduce((sum, text) => sum + encoder.encode(text).length, 0) <= most;
}

/** Throws `TooLargeError` if a row of these texts would be too large. */
export function checkRow(what: string, ...texts: string[]): void {
  const most = MAX_ROW_BYTES - FRAME_BYTES;
  if (!fit(most, texts)) throw new TooLargeError(`${what} is too large for this store: at most ${most} bytes fit`);
}

/** Throws `TooLargeError` for a message that is too large. */
export function checkMessage({ key, digest, body }: { key: string; digest: string | null; body: string }): void {
  checkRow("A message", body, key, digest ?? "");
}
