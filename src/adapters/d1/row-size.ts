/** The largest row that D1 takes. The local simulator takes larger ones, so this is looked at here. */
import { TooLargeError } from "../../core/errors.ts";
import type { Cell } from "./d1-database.ts";

/** Bytes of a row, of a text, and of a parameter. */
export const LARGEST_ROW = 2_000_000;

/** What SQLite adds to a row: a few bytes for each column. */
const PER_CELL = 9;

const encoder = new TextEncoder();

/** The length of a text in bytes of UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Throws `TooLargeError` if these values do not fit into a row. `what`: the beginning of the sentence. */
export function refuseTooLarge(what: string, cells: readonly Cell[]): void {
  // A UTF-16 unit is at most three bytes, so most rows need not be measured.
  const most = cells.reduce<number>((sum, cell) => sum + PER_CELL + (typeof cell === "string" ? cell.length * 3 : 0), 0);
  if (most <= LARGEST_ROW) return;
  const bytes = cells.reduce<number>((sum, cell) => sum + PER_CELL + (typeof cell === "string" ? bytesOf(cell) : 0), 0);
  if (bytes > LARGEST_ROW) {
    throw new TooLargeError(`${what} is too large for D1: ${bytes} bytes; at most ${LARGEST_ROW} fit into a row`, {
      details: { bytes, limit: LARGEST_ROW },
    });
  }
}
