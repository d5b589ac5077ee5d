/** Lists as PostgreSQL reads them from a text, so that any driver can carry them. */

function quoted(text: string | null): string {
  return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** A list of texts for a `TEXT[]`, null for none. */
export function textArray(texts: readonly (string | null)[]): string {
  return `{${texts.map(quoted).join(",")}}`;
}

/** A list of whole numbers for an `INTEGER[]` or `BIGINT[]`. */
export function numberArray(numbers: readonly number[]): string {
  return `{${numbers.join(",")}}`;
}
