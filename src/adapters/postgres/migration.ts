/** A migration of the PostgreSQL schema, its title, and the checksum by which it is known again. */

/** A numbered file of SQL. Once released it never changes; a change is another file. */
export interface Migration {
  /** Its place in the order, from 1. */
  readonly number: number;
  /** What it brings, as in its file name: `conversations`. */
  readonly name: string;
  readonly sql: string;
}

/** SHA-256 of a migration's text in hex, the same whatever the ends of lines became on the way. */
export async function migrationChecksum(sql: string): Promise<string> {
  const text = new TextEncoder().encode(sql.replaceAll("\r\n", "\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Its number and name as in its file name: `001-conversations`. */
export function migrationTitle({ number, name }: { number: number; name: string }): string {
  return `${String(number).padStart(3, "0")}-${name}`;
}
