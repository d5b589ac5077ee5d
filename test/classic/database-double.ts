// A database that knows the two statements of nine columns, and refuses every other one.

/** A row as PostgreSQL gives it: JSON as objects, times as `Date`. */
export type Row = Record<string, unknown>;

const COLUMNS = [
  "id",
  "created",
  "last_activity",
  "status",
  "message_count",
  "metadata",
  "messages",
  "archived_at",
  "archive_reason",
] as const;

/** A table `conversations`. */
export class DatabaseDouble {
  readonly rows = new Map<string, Row>();
  readonly queries: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  /** Set: every query rejects with it. */
  down: Error | null = null;
  onQuery: (text: string) => void = () => {};

  async query(text: string, values: unknown[]): Promise<{ rows: Row[] }> {
    await Promise.resolve();
    this.onQuery(text);
    if (this.down) throw this.down;
    this.queries.push({ text, values });
    const words = text.replaceAll(/\s+/g, " ").trim();
    if (words === "SELECT * FROM conversations WHERE id = $1") {
      const row = this.rows.get(values[0] as string);
      return { rows: row ? [row] : [] };
    }
    const columns = /^INSERT INTO conversations \( ?(.*?) ?\) VALUES \((?:\$\d,? ?){9}\) ON CONFLICT \(id\) DO UPDATE SET (.*)$/.exec(
      words,
    );
    if (!columns || columns[1] !== COLUMNS.join(", ") || values.length !== COLUMNS.length)
      throw new Error(`syntax error at or near "${words.slice(0, 40)}"`);
    const given: Row = Object.fromEntries(COLUMNS.map((name, i) => [name, values[i]]));
    for (const name of ["created", "last_activity", "archived_at"]) if (given[name] !== null) given[name] = new Date(given[name] as string);
    for (const name of ["metadata", "messages"]) given[name] = JSON.parse(given[name] as string);
    const before = this.rows.get(given["id"] as string);
    this.rows.set(given["id"] as string, before ? { ...given, created: before["created"] } : given);
    return { rows: [] };
  }

  /** How many times a row was asked for. */
  selects(): number {
    return this.queries.filter(({ text }) => /^\s*SELECT/.test(text)).length;
  }
}
