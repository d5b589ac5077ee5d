/** Records in an object: what an object of the service keeps in its database. Each method is one step; the table is made with the first record. */
import type { ObjectAlarm } from "./alarm.ts";
import type { Cell, DurableObjectStateLike } from "./durable-object-state.ts";
import { replyOf, type Reply } from "./replies.ts";
import { checkRow } from "./row-size.ts";

/** A record on its way, its value as JSON: a call would drop what JSON can carry and a copy cannot. */
export interface RecordText {
  text: string;
  version: number;
}

/** How a record is written. `writer`: names this one write, so that it can be asked for twice. */
export interface RecordWrite {
  ifVersion?: number;
  until?: number;
  writer: string;
}

/** What is stored after a write, and whether that is what was written. */
export interface RecordWritten {
  won: boolean;
  stored: RecordText | null;
}

/** Some records in the order of their keys. `more`: there are others, which were too long to come with these. */
export interface RecordPage {
  rows: (RecordText & { key: string })[];
  more: boolean;
}

/** The methods that are called from Workers on an object with records. Each is one call. */
export interface RecordsObjectLike {
  getRecord(kind: string, key: string): Promise<Reply<RecordText | null>>;
  putRecord(kind: string, key: string, text: string, write: RecordWrite): Promise<Reply<RecordWritten>>;
  listRecords(kind: string, after: string | null, limit: number): Promise<Reply<RecordPage>>;
  removeRecord(kind: string, key: string): Promise<Reply<null>>;
  forgetRecords(now: number, limit: number): Promise<Reply<number>>;
}

const TABLE = `
  CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    until INTEGER,
    writer TEXT NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS records_until ON records (until) WHERE until IS NOT NULL;
`;
const IS_MADE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'records'";
const LASTS = "(until IS NULL OR until > ?)";
const SELECT = `SELECT value, version, writer FROM records WHERE kind = ? AND key = ? AND ${LASTS}`;
const LIST_FIRST = `SELECT key, value, version FROM records WHERE kind = ? AND ${LASTS} ORDER BY key LIMIT ?`;
const LIST_AFTER = `SELECT key, value, version FROM records WHERE kind = ? AND key > ? AND ${LASTS} ORDER BY key LIMIT ?`;
const PUT = "INSERT OR REPLACE INTO records (kind, key, value, version, until, writer) VALUES (?, ?, ?, ?, ?, ?)";
const DELETE = "DELETE FROM records WHERE kind = ? AND key = ?";
const FORGET = `DELETE FROM records WHERE (kind, key) IN
  (SELECT kind, key FROM records WHERE until IS NOT NULL AND until <= ? ORDER BY until LIMIT ?) RETURNING 1`;
const FIRST_END = "SELECT min(until) FROM records WHERE until IS NOT NULL";

/** What has ended is not there any more for anybody; it is removed so much later, together with what ended meanwhile. */
const FORGET_AFTER_MS = 10 * 60_000;
const FORGET_AT_ONCE = 1000;
/** A call carries 32 MiB, and text outside Latin-1 counts double. */
const LONGEST_PAGE = 8 * 1024 * 1024;

/** What an object of the service keeps. */
export class RecordsObject implements RecordsObjectLike {
  readonly #storage: DurableObjectStateLike["storage"];
  readonly #alarm: ObjectAlarm;
  readonly #clock: () => number;
  /** Null: nobody has looked yet. Objects of conversations never look. */
  #made: boolean | null = null;

  /** `alarm`: the object's one. `clock`: epoch milliseconds. */
  constructor(storage: DurableObjectStateLike["storage"], alarm: ObjectAlarm, clock: () => number) {
    this.#storage = storage;
    this.#alarm = alarm;
    this.#clock = clock;
  }

  /** Whether there is a table. Without it nothing may be read or written but through `putRecord`. */
  get made(): boolean {
    this.#made ??= [...this.#storage.sql.exec(IS_MADE).raw()].length > 0;
    return this.#made;
  }

  #rows(statement: string, ...parameters: Cell[]): Iterable<Cell[]> {
    // The cast: no column is a blob.
    return this.made ? (this.#storage.sql.exec(statement, ...parameters).raw() as Iterable<Cell[]>) : [];
  }

  #find(kind: string, key: string): (RecordText & { writer: string }) | null {
    const [row] = [...this.#rows(SELECT, kind, key, this.#clock())];
    return row ? { text: row[0] as string, version: row[1] as number, writer: row[2] as string } : null;
  }

  getRecord(kind: string, key: string): Promise<Reply<RecordText | null>> {
    return replyOf(async () => {
      const found = this.#find(kind, key);
      return found && { text: found.text, version: found.version };
    });
  }

  putRecord(kind: string, key: string, text: string, { ifVersion, until, writer }: RecordWrite): Promise<Reply<RecordWritten>> {
    return replyOf(async () => {
      checkRow("The record", kind, key, text, writer);
      const there = this.#find(kind, key);
      // It was asked for before, and the answer was lost.
      if (there?.writer === writer) return { won: true, stored: { text, version: there.version } };
      if (ifVersion !== undefined && ifVersion !== (there?.version ?? 0)) {
        return { won: false, stored: there && { text: there.text, version: there.version } };
      }
      const version = (there?.version ?? 0) + 1;
      this.#storage.transactionSync(() => {
        if (!this.made) this.#storage.sql.exec(TABLE);
        this.#storage.sql.exec(PUT, kind, key, text, version, until ?? null, writer);
      });
      this.#made = true;
      // Nothing that an object answers leaves it before its writes are stored, so nobody need wait here.
      if (until !== undefined) void this.#alarm.atLatest(until + FORGET_AFTER_MS);
      return { won: true, stored: { text, version } };
    });
  }

  listRecords(kind: string, after: string | null, limit: number): Promise<Reply<RecordPage>> {
    return replyOf(async () => {
      const now = this.#clock();
      const found = after === null ? this.#rows(LIST_FIRST, kind, now, limit) : this.#rows(LIST_AFTER, kind, after, now, limit);
      const rows: RecordPage["rows"] = [];
      let length = 0;
      for (const [key, text, version] of found) {
        length += String(text).length;
        if (rows.length > 0 && length > LONGEST_PAGE) return { rows, more: true };
        rows.push({ key: String(key), text: String(text), version: Number(version) });
      }
      return { rows, more: false };
    });
  }

  removeRecord(kind: string, key: string): Promise<Reply<null>> {
    return replyOf(async () => {
      if (this.made) this.#storage.sql.exec(DELETE, kind, key);
      return null;
    });
  }

  forgetRecords(now: number, limit: number): Promise<Reply<number>> {
    return replyOf(async () => [...this.#rows(FORGET, now, limit)].length);
  }

  /** Removes what has ended, and sets the alarm for the next. What it throws, the platform tries again. */
  async forgetEnded(): Promise<void> {
    while ([...this.#rows(FORGET, this.#clock(), FORGET_AT_ONCE)].length === FORGET_AT_ONCE);
    const [row] = [...this.#rows(FIRST_END)];
    if (typeof row?.[0] === "number") await this.#alarm.set(row[0] + FORGET_AFTER_MS);
  }
}
