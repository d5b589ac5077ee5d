/**
 * The tables. Times are epoch milliseconds; metadata, session, subjects and details are JSON as text. What belongs to an
 * entry (counts of its day, subjects, text of the search) is kept up by triggers, so that one conditional write of the
 * entry is all there is to do: a batch cannot look at what its statements answer.
 */

/** The columns of a head, the same in `archive` and `entries`. */
const HEAD = `
  id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  source TEXT NOT NULL,
  environment TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  created INTEGER NOT NULL,
  last_activity INTEGER NOT NULL,
  last_access INTEGER,
  expires_at INTEGER,
  completed_at INTEGER,
  archived_at INTEGER,
  archive_reason TEXT,
  wiped INTEGER NOT NULL,
  warned_for INTEGER,
  hold INTEGER NOT NULL,
  token_epoch INTEGER NOT NULL,
  keyring TEXT,
  subjects TEXT NOT NULL,
  metadata TEXT NOT NULL,
  session TEXT NOT NULL`;

/** Takes the text of entry `n` out of the index: an index whose content is elsewhere must be told what it holds. */
const unsay = (n: string): string =>
  `INSERT INTO said (said, rowid, text) SELECT 'delete', n, text FROM said_texts WHERE n = ${n} AND text IS NOT NULL`;

/** Adds to the counts of a day. */
const addToDay = (counts: string): string => `
    INSERT INTO days (day, source, total, completed, archived, messages, milliseconds)
    VALUES (strftime('%Y-%m-%d', new.created / 1000, 'unixepoch'), new.source, ${counts})
    ON CONFLICT (day, source) DO UPDATE SET
      total = total + excluded.total,
      completed = completed + excluded.completed,
      archived = archived + excluded.archived,
      messages = messages + excluded.messages,
      milliseconds = milliseconds + excluded.milliseconds`;

/** The statements, in their order. */
export const TABLES: readonly string[] = [
  // What is over. `fresh` is 1 inside the batch that has just stored this row, so that the statements after it know.
  `CREATE TABLE archive (\n  n INTEGER PRIMARY KEY,${HEAD},\n  fresh INTEGER NOT NULL DEFAULT 0\n) STRICT`,
  `CREATE INDEX archive_past ON archive (last_activity) WHERE status IN ('archived', 'completed')`,

  // Its transcript in parts. `entries` is a JSON array of [stored_at, key, digest, size, length] one after the other,
  // `bodies` a JSON array of the bodies, of which length counts UTF-16 units.
  `CREATE TABLE transcripts (
  n INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  entries TEXT NOT NULL,
  bodies TEXT NOT NULL,
  PRIMARY KEY (n, first_seq)
) STRICT, WITHOUT ROWID`,
  `CREATE TRIGGER archive_replaced AFTER UPDATE OF fresh ON archive WHEN new.fresh = 1 BEGIN
    DELETE FROM transcripts WHERE n = new.n;
  END`,
  `CREATE TRIGGER archive_removed AFTER DELETE ON archive BEGIN
    DELETE FROM transcripts WHERE n = old.n;
  END`,

  // Never purged: what it names does not come back.
  `CREATE TABLE erasures (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  by TEXT NOT NULL
) STRICT`,

  // The directory. The high bits of n order the entries as their IDs do (search-place.ts), the low 16 number those of one place.
  `CREATE TABLE entries (\n  n INTEGER PRIMARY KEY,${HEAD},\n  indexed INTEGER NOT NULL DEFAULT 0\n) STRICT`,
  `CREATE INDEX entries_status ON entries (status, id)`,
  `CREATE INDEX entries_source ON entries (source, status, id)`,
  `CREATE INDEX entries_past ON entries (last_activity) WHERE status IN ('archived', 'completed')`,
  `CREATE TABLE subjects (
  hash TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (hash, id)
) STRICT, WITHOUT ROWID`,

  // Counts by day of creation, so that what is purged stays counted.
  `CREATE TABLE days (
  day TEXT NOT NULL,
  source TEXT NOT NULL,
  total INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  PRIMARY KEY (day, source)
) STRICT, WITHOUT ROWID`,

  `CREATE TABLE events (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  details TEXT NOT NULL
) STRICT`,
  `CREATE INDEX events_id ON events (id, at)`,
  `CREATE INDEX events_at ON events (at)`,

  // What was said, by the n of the entry. `bytes` is how much of the room of its conversation a text takes.
  `CREATE TABLE texts (
  n INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  text TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (n, seq)
) STRICT, WITHOUT ROWID`,
  // The texts of a conversation as one, each ended by a sign that no text holds. Null where there are none.
  `CREATE VIEW said_texts (n, text) AS
  SELECT n, (SELECT group_concat(texts.text, char(30) ORDER BY texts.seq) FROM texts WHERE texts.n = entries.n) FROM entries`,
  `CREATE VIRTUAL TABLE said USING fts5 (
  text,
  content = 'said_texts',
  content_rowid = 'n',
  columnsize = 0,
  tokenize = "unicode61 remove_diacritics 2"
)`,
  `INSERT INTO said (said, rank) VALUES ('secure-delete', 1)`,

  `CREATE TRIGGER entries_added AFTER INSERT ON entries BEGIN
    ${addToDay("1, new.completed_at IS NOT NULL, new.archived_at IS NOT NULL, new.last_seq, new.last_activity - new.created")};
    INSERT INTO subjects (hash, id) SELECT DISTINCT value, new.id FROM json_each(new.subjects);
    UPDATE events SET details = '{}' WHERE id = new.id AND new.status = 'deleted';
  END`,
  `CREATE TRIGGER entries_counted AFTER UPDATE OF completed_at, archived_at, last_seq, last_activity ON entries
  WHEN (old.completed_at IS NULL) <> (new.completed_at IS NULL) OR (old.archived_at IS NULL) <> (new.archived_at IS NULL)
    OR old.last_seq <> new.last_seq OR old.last_activity <> new.last_activity
  BEGIN
    ${addToDay(`
      0,
      (new.completed_at IS NOT NULL) - (old.completed_at IS NOT NULL),
      (new.archived_at IS NOT NULL) - (old.archived_at IS NOT NULL),
      new.last_seq - old.last_seq,
      new.last_activity - old.last_activity`)};
  END`,
  `CREATE TRIGGER entries_subjects AFTER UPDATE OF subjects ON entries WHEN old.subjects <> new.subjects BEGIN
    DELETE FROM subjects WHERE id = new.id AND hash IN (SELECT value FROM json_each(old.subjects));
    INSERT INTO subjects (hash, id) SELECT DISTINCT value, new.id FROM json_each(new.subjects);
  END`,
  `CREATE TRIGGER entries_emptied AFTER UPDATE OF status, wiped ON entries WHEN new.wiped = 1 OR new.status = 'deleted' BEGIN
    ${unsay("new.n")};
    DELETE FROM texts WHERE n = new.n;
    UPDATE entries SET indexed = 0 WHERE n = new.n;
    UPDATE events SET details = '{}' WHERE id = new.id AND new.status = 'deleted';
  END`,
  `CREATE TRIGGER entries_removed BEFORE DELETE ON entries BEGIN
    ${unsay("old.n")};
    DELETE FROM texts WHERE n = old.n;
    DELETE FROM subjects WHERE id = old.id AND hash IN (SELECT value FROM json_each(old.subjects));
  END`,

  `CREATE TABLE records (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID`,
  `CREATE INDEX records_until ON records (until) WHERE until IS NOT NULL`,
];
