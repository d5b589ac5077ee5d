-- Generated from the migrations of the D1 adapter.

CREATE TABLE IF NOT EXISTS schema_migrations (
  n INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO schema_migrations (n, name, checksum, at)
VALUES (1, 'tables', '24fc78ffb0a957d00245f6be8c0040d2742762710f83f31e88d4e644ab3f23fc', CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE archive (
  n INTEGER PRIMARY KEY,
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
  session TEXT NOT NULL,
  fresh INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX archive_past ON archive (last_activity) WHERE status IN ('archived', 'completed');

CREATE TABLE transcripts (
  n INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  entries TEXT NOT NULL,
  bodies TEXT NOT NULL,
  PRIMARY KEY (n, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER archive_replaced AFTER UPDATE OF fresh ON archive WHEN new.fresh = 1 BEGIN
    DELETE FROM transcripts WHERE n = new.n;
  END;

CREATE TRIGGER archive_removed AFTER DELETE ON archive BEGIN
    DELETE FROM transcripts WHERE n = old.n;
  END;

CREATE TABLE erasures (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  by TEXT NOT NULL
) STRICT;

CREATE TABLE entries (
  n INTEGER PRIMARY KEY,
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
  session TEXT NOT NULL,
  indexed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX entries_status ON entries (status, id);

CREATE INDEX entries_source ON entries (source, status, id);

CREATE INDEX entries_past ON entries (last_activity) WHERE status IN ('archived', 'completed');

CREATE TABLE subjects (
  hash TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (hash, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE days (
  day TEXT NOT NULL,
  source TEXT NOT NULL,
  total INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  PRIMARY KEY (day, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  details TEXT NOT NULL
) STRICT;

CREATE INDEX events_id ON events (id, at);

CREATE INDEX events_at ON events (at);

CREATE TABLE texts (
  n INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  text TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (n, seq)
) STRICT, WITHOUT ROWID;

CREATE VIEW said_texts (n, text) AS
  SELECT n, (SELECT group_concat(texts.text, char(30) ORDER BY texts.seq) FROM texts WHERE texts.n = entries.n) FROM entries;

CREATE VIRTUAL TABLE said USING fts5 (
  text,
  content = 'said_texts',
  content_rowid = 'n',
  columnsize = 0,
  tokenize = "unicode61 remove_diacritics 2"
);

INSERT INTO said (said, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER entries_added AFTER INSERT ON entries BEGIN
    
    INSERT INTO days (day, source, total, completed, archived, messages, milliseconds)
    VALUES (strftime('%Y-%m-%d', new.created / 1000, 'unixepoch'), new.source, 1, new.completed_at IS NOT NULL, new.archived_at IS NOT NULL, new.last_seq, new.last_activity - new.created)
    ON CONFLICT (day, source) DO UPDATE SET
      total = total + excluded.total,
      completed = completed + excluded.completed,
      archived = archived + excluded.archived,
      messages = messages + excluded.messages,
      milliseconds = milliseconds + excluded.milliseconds;
    INSERT INTO subjects (hash, id) SELECT DISTINCT value, new.id FROM json_each(new.subjects);
    UPDATE events SET details = '{}' WHERE id = new.id AND new.status = 'deleted';
  END;

CREATE TRIGGER entries_counted AFTER UPDATE OF completed_at, archived_at, last_seq, last_activity ON entries
  WHEN (old.completed_at IS NULL) <> (new.completed_at IS NULL) OR (old.archived_at IS NULL) <> (new.archived_at IS NULL)
    OR old.last_seq <> new.last_seq OR old.last_activity <> new.last_activity
  BEGIN
    
    INSERT INTO days (day, source, total, completed, archived, messages, milliseconds)
    VALUES (strftime('%Y-%m-%d', new.created / 1000, 'unixepoch'), new.source, 
      0,
      (new.completed_at IS NOT NULL) - (old.completed_at IS NOT NULL),
      (new.archived_at IS NOT NULL) - (old.archived_at IS NOT NULL),
      new.last_seq - old.last_seq,
      new.last_activity - old.last_activity)
    ON CONFLICT (day, source) DO UPDATE SET
      total = total + excluded.total,
      completed = completed + excluded.completed,
      archived = archived + excluded.archived,
      messages = messages + excluded.messages,
      milliseconds = milliseconds + excluded.milliseconds;
  END;

CREATE TRIGGER entries_subjects AFTER UPDATE OF subjects ON entries WHEN old.subjects <> new.subjects BEGIN
    DELETE FROM subjects WHERE id = new.id AND hash IN (SELECT value FROM json_each(old.subjects));
    INSERT INTO subjects (hash, id) SELECT DISTINCT value, new.id FROM json_each(new.subjects);
  END;

CREATE TRIGGER entries_emptied AFTER UPDATE OF status, wiped ON entries WHEN new.wiped = 1 OR new.status = 'deleted' BEGIN
    INSERT INTO said (said, rowid, text) SELECT 'delete', n, text FROM said_texts WHERE n = new.n AND text IS NOT NULL;
    DELETE FROM texts WHERE n = new.n;
    UPDATE entries SET indexed = 0 WHERE n = new.n;
    UPDATE events SET details = '{}' WHERE id = new.id AND new.status = 'deleted';
  END;

CREATE TRIGGER entries_removed BEFORE DELETE ON entries BEGIN
    INSERT INTO said (said, rowid, text) SELECT 'delete', n, text FROM said_texts WHERE n = old.n AND text IS NOT NULL;
    DELETE FROM texts WHERE n = old.n;
    DELETE FROM subjects WHERE id = old.id AND hash IN (SELECT value FROM json_each(old.subjects));
  END;

CREATE TABLE records (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX records_until ON records (until) WHERE until IS NOT NULL;
