// The text of the search index: what is written into it, a row for each message, and how it is removed.

import type { Cell, Connection } from "./connection.ts";
import { noteWiped } from "./scrub.ts";
import { searchPlaceOf } from "../sql/search-place.ts";

/** Bytes of text that are indexed for one conversation; what is beyond is not found. */
export const SEARCH_BYTES = 512 * 1024;

/** A search place has room for so many rows. */
const ROWS = 65_536;

const SELECT_UNTIL = "SELECT seq, bytes FROM said_until WHERE id = ?";
const PUT_UNTIL = `INSERT INTO said_until (id, seq, bytes) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes`;
const DELETE_UNTIL = "DELETE FROM said_until WHERE id = ?";
const SELECT_ROWS_AFTER = `SELECT rowid & 65535, length(CAST(text AS BLOB)) FROM said
  WHERE rowid BETWEEN ?1 << 16 AND (?1 << 16) | 65535 AND id = ?2 AND seq > ?3`;
const SELECT_LAST_ROW = `SELECT rowid & 65535 FROM said WHERE rowid BETWEEN ?1 << 16 AND (?1 << 16) | 65535 ORDER BY rowid DESC LIMIT 1`;
const INSERT_TEXT = "INSERT INTO said (rowid, text, id, seq) VALUES ((?1 << 16) | ?2, ?3, ?4, CAST(?5 AS INTEGER))";
const DELETE_ROW = "DELETE FROM said WHERE rowid = (?1 << 16) | ?2";

/** Removes all text of a conversation. */
export function removeText(connection: Connection, id: string): void {
  if (connection.run(DELETE_UNTIL, id) === 0) return;
  const place = searchPlaceOf(id);
  for (const [row] of connection.all(SELECT_ROWS_AFTER, place, id, 0)) connection.run(DELETE_ROW, place, row!);
  noteWiped(connection);
}

/** As much of the beginning of a text as fits into so many bytes of UTF-8, and its length in bytes. */
function fitting(text: string, room: number): { text: string; bytes: number } {
  const bytes = Buffer.byteLength(text);
  if (bytes <= room) return { text, bytes };
  // A character that was cut in two is left out: with `stream` the decoder keeps it back.
  const cut = new TextDecoder().decode(Buffer.from(text).subarray(0, Math.max(0, room)), { stream: true });
  return { text: cut, bytes: Math.max(0, room) };
}

/** Replaces what was said after `after`. `texts`: seq and text of each message, one after the other. */
export function putText(connection: Connection, id: string, after: number, texts: readonly Cell[]): void {
  const place = searchPlaceOf(id);
  // The casts: integer columns, and the cells of `texts`, which `directory.ts` puts there.
  const until = connection.get(SELECT_UNTIL, id) as [seq: number, bytes: number] | undefined;
  let bytes = until?.[1] ?? 0;
  if (until && until[0] > after) {
    for (const [row, length] of connection.all(SELECT_ROWS_AFTER, place, id, after)) {
      connection.run(DELETE_ROW, place, row!);
      bytes -= length as number;
    }
  }
  let indexed = after;
  let row: number | null = null;
  for (let i = 0; i < texts.length; i += 2) {
    const seq = texts[i] as number;
    if (seq <= after) continue;
    indexed = Math.max(indexed, seq);
    // One form for letters that can be written in several, as in `search.ts`.
    const piece = fitting((texts[i + 1] as string).normalize("NFKC"), SEARCH_BYTES - bytes);
    if (piece.text === "") continue;
    row ??= ((connection.get(SELECT_LAST_ROW, place)?.[0] as number | undefined) ?? -1) + 1;
    if (row >= ROWS) continue;
    connection.run(INSERT_TEXT, place, row++, piece.text, id, seq);
    bytes += piece.bytes;
  }
  connection.run(PUT_UNTIL, id, indexed, bytes);
}
