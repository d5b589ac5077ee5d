-- Everything of one database file. Times are epoch milliseconds; metadata, session, subjects and details are JSON as text.
-- The place of a message is one number, its conversation's n and its seq: (n << 22) | seq, so that a conversation's messages
-- lie together in their order under the cheapest key there is.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- How often something was wiped, and which of these times were overwritten in the file as well.
INSERT INTO meta (name, value) VALUES ('wiped', '0'), ('scrubbed', '0'), ('scrubbed_pages', '0');

-- Live conversations. `due` is when expiry (active, completed) or moving (archived, deleted) has to be looked at, `warn_due` the same
-- for the warning before expiry: they may be too early, never too late, because a turn moves expires_at and leaves them alone.
CREATE TABLE live (
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
  due INTEGER,
  warn_due INTEGER,
  leased_until INTEGER NOT NULL DEFAULT 0,
  warn_leased_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX live_expire ON live (due) WHERE due IS NOT NULL AND status IN ('active', 'completed');
CREATE INDEX live_move ON live (due) WHERE due IS NOT NULL AND status IN ('archived', 'deleted');
CREATE INDEX live_warn ON live (warn_due) WHERE warn_due IS NOT NULL;

-- `owner` is the conversation's n where the key can be looked up (the digest is not null), and null where it is a random one.
CREATE TABLE messages (
  place INTEGER PRIMARY KEY,
  owner INTEGER,
  stored_at INTEGER NOT NULL,
  key TEXT NOT NULL,
  digest TEXT,
  body TEXT NOT NULL,
  size INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_key ON messages (owner, key) WHERE owner IS NOT NULL;

-- Idempotency entries of live conversations; `answer` is what the first request was answered, without messages.
CREATE TABLE once (
  id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  until INTEGER NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_until ON once (until);

-- What is still to be passed on. `type` null: the mark that a conversation has changed, at most one for each; its `version`
-- is the one with which it was last handed out, the live one may be newer.
CREATE TABLE outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  type TEXT,
  at INTEGER,
  details TEXT,
  cut INTEGER,
  leased_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_id ON outbox (id);

-- What is over, and its transcript in parts: `entries` is a JSON array of [stored_at, key, digest, size, length] one after the
-- other, `bodies` a JSON array of the bodies, of which length counts UTF-16 units. The place is (n << 22) | last seq of the part.
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
  session TEXT NOT NULL
) STRICT;
CREATE INDEX archive_past ON archive (last_activity) WHERE status IN ('archived', 'completed');

CREATE TABLE transcripts (
  place INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  entries TEXT NOT NULL,
  bodies TEXT NOT NULL
) STRICT;

-- Never purged, and in every backup: what it names does not come back.
CREATE TABLE erasures (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  by TEXT NOT NULL
) STRICT;

-- The directory: an entry for every conversation, live or over.
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
  session TEXT NOT NULL
) STRICT;
CREATE INDEX entries_status ON entries (status, id);
CREATE INDEX entries_source ON entries (source, status, id);
CREATE INDEX entries_past ON entries (last_activity) WHERE status IN ('archived', 'completed');

CREATE TABLE subjects (
  hash TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (hash, id)
) STRICT, WITHOUT ROWID;

-- Counts by day of creation, kept up with every entry, so that what is purged stays counted.
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

-- What was said, a row for each message. The high bits of the rowid order the conversations as their IDs do (search-place.ts),
-- the low 16 number the rows of a place. `said_until`: up to which seq, and how many bytes, a conversation's text is there.
CREATE VIRTUAL TABLE said USING fts5 (
  text,
  id UNINDEXED,
  seq UNINDEXED,
  columnsize = 0,
  tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO said (said, rank) VALUES ('secure-delete', 1);
CREATE TABLE said_until (
  id TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_until ON records (until) WHERE until IS NOT NULL;
