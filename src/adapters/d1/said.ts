/** The text of the search index: what is written into it with an entry, in the transaction of that entry. */
import type { SearchText } from "../../core/directory.ts";
import type { Head } from "../../core/head.ts";
import type { Statement } from "./d1-database.ts";
import { bytesOf } from "./row-size.ts";

/** Bytes of text that are indexed for one conversation; what is beyond is not found. */
export const SEARCH_BYTES = 512 * 1024;

/** UTF-16 units of JSON after which another statement is begun: a parameter holds at most 2 MB. */
const CHUNK_LENGTH = 600_000;

/** The entry ?1, if it is of version ?2 and may have text: then the head of this transaction was taken, or is the very one that is there. */
const TAKEN = "SELECT n FROM entries WHERE id = ?1 AND version = ?2 AND wiped = 0 AND status <> 'deleted'";

const UNSAY = `INSERT INTO said (said, rowid, text)
  SELECT 'delete', n, text FROM said_texts WHERE n = (${TAKEN}) AND text IS NOT NULL`;
const DELETE_TEXTS = `DELETE FROM texts WHERE n = (${TAKEN}) AND seq > ?3`;
/** The byte ?2 places before the end of the room begins no character, or the text ends there. */
const continues = (back: number): string => `hex(substr(blob, room - ${back} + 1, 1)) BETWEEN '80' AND 'BF'`;
/**
 * ?3: texts as [[seq, text], …]. What goes beyond the room that is left is cut at a whole character; of a text that is cut
 * the whole room counts as taken, so that nothing comes after it.
 */
const INSERT_TEXTS = `WITH given AS (
    SELECT json_extract(value, '$[0]') AS seq, CAST(json_extract(value, '$[1]') AS BLOB) AS blob FROM json_each(?3)
  ), placed AS (
    SELECT seq, blob, ${SEARCH_BYTES}
      - (SELECT coalesce(sum(bytes), 0) FROM texts WHERE n = (${TAKEN}))
      - coalesce(sum(length(blob)) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS room
    FROM given
  )
  INSERT INTO texts (n, seq, text, bytes)
  SELECT taken.n, seq, CAST(CASE
      WHEN length(blob) <= room THEN blob
      WHEN NOT ${continues(0)} THEN substr(blob, 1, room)
      WHEN NOT ${continues(1)} THEN substr(blob, 1, room - 1)
      WHEN NOT ${continues(2)} THEN substr(blob, 1, room - 2)
      ELSE substr(blob, 1, room - 3)
    END AS TEXT), min(length(blob), room)
  FROM placed JOIN (${TAKEN}) AS taken WHERE room > 0`;
const SAY = "INSERT INTO said (rowid, text) SELECT n, text FROM said_texts WHERE n = (" + TAKEN + ") AND text IS NOT NULL";
const SET_INDEXED = "UPDATE entries SET indexed = ?3 WHERE n = (" + TAKEN + ")";

/** What stands between texts that are read as one. No text holds it: what controls a terminal is no word, and becomes a space. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;
export const TEXT_END = "\u001e";

/** A text as it is indexed: one form for letters that can be written in several, and no signs of ours. */
export function searchable(text: string): string {
  return text.normalize("NFKC").replaceAll(CONTROLS, " ");
}

/** The texts that may be indexed, in JSON of a size that a statement can take. What is beyond the limit need not travel. */
function chunksOf(after: number, messages: readonly SearchText[]): string[] {
  const chunks: string[] = [];
  let chunk: string[] = [];
  let length = 0;
  let bytes = 0;
  for (const { seq, text } of messages) {
    if (seq <= after || bytes >= SEARCH_BYTES) continue;
    const said = searchable(text.slice(0, SEARCH_BYTES));
    if (said === "") continue;
    const json = JSON.stringify([seq, said]);
    if (length > 0 && length + json.length > CHUNK_LENGTH) {
      chunks.push(`[${chunk.join(",")}]`);
      [chunk, length] = [[], 0];
    }
    chunk.push(json);
    length += json.length;
    bytes += bytesOf(said);
  }
  if (chunk.length > 0) chunks.push(`[${chunk.join(",")}]`);
  return chunks;
}

/** Replaces what was said after `after`. The statements follow that which took the head, and do nothing if it was not taken. */
export function textStatements({ id, version }: Head, after: number, messages: readonly SearchText[]): Statement[] {
  const indexed = messages.reduce((highest, { seq }) => Math.max(highest, seq), after);
  return [
    [UNSAY, id, version],
    [DELETE_TEXTS, id, version, after],
    ...chunksOf(after, messages).map((chunk): Statement => [INSERT_TEXTS, id, version, chunk]),
    [SAY, id, version],
    [SET_INDEXED, id, version, indexed],
  ];
}
