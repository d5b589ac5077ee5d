// The yardstick of `sqlite-turn.ts`: the same turns hand-written on node:sqlite in one thread, with a disk sync for each commit.

import { DatabaseSync } from "node:sqlite";

const TABLES = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE conversations (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, version INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL, created INTEGER NOT NULL, last_activity INTEGER NOT NULL, last_access INTEGER, expires_at INTEGER,
    metadata TEXT NOT NULL, session TEXT NOT NULL
  ) STRICT;
  CREATE TABLE messages (
    place INTEGER PRIMARY KEY, stored_at INTEGER NOT NULL, key TEXT NOT NULL, digest TEXT, body TEXT NOT NULL, size INTEGER NOT NULL
  ) STRICT;`;

/** A message of a turn, ready to be stored. */
export interface TurnMessage {
  key: string;
  body: string;
  size: number;
}

/** One conversation's turns, by hand. Each returns when it is durable. */
export interface Yardstick {
  add(id: string, messages: readonly TurnMessage[], metadata: unknown, session: unknown): void;
  /** Reads state and newest 20; then one commit of two messages and the state. */
  plainTurn(id: string, messages: readonly [TurnMessage, TurnMessage], session: unknown): void;
  /** Commits the visitor's message, answering the newest 20; then commits the answer and the state. */
  twoStepTurn(id: string, messages: readonly [TurnMessage, TurnMessage], session: unknown): void;
  close(): void;
}

interface State {
  n: number;
  version: number;
  last_seq: number;
  bytes: number;
  metadata: string;
  session: string;
}

const WINDOW = 20;
const DAY = 86_400_000;
const SEQS = 2 ** 22;

/** Opens a yardstick on a new file. */
export function openYardstick(path: string): Yardstick {
  const db = new DatabaseSync(path);
  db.exec(TABLES);
  const selectState = db.prepare("SELECT * FROM conversations WHERE id = ?");
  const selectWindow = db.prepare("SELECT * FROM messages WHERE place BETWEEN ? AND ? ORDER BY place");
  const insertState = db.prepare("INSERT INTO conversations VALUES (?, ?, 'active', 1, ?, ?, ?, ?, ?, ?, ?, ?)");
  const insertMessage = db.prepare("INSERT INTO messages VALUES (?, ?, ?, NULL, ?, ?)");
  const updateState = db.prepare(
    "UPDATE conversations SET version = ?, last_seq = ?, bytes = ?, last_activity = ?, last_access = ?, expires_at = ?, session = ? WHERE n = ?",
  );
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let conversations = 0;
  let seen = 0;

  function read(id: string): State {
    // The cast: the columns of the table above.
    const state = selectState.get(id) as unknown as State;
    seen += Object.keys(JSON.parse(state.metadata) as object).length + Object.keys(JSON.parse(state.session) as object).length;
    return state;
  }
  function window({ n }: State, lastSeq: number): void {
    seen += selectWindow.all(n * SEQS + Math.max(1, lastSeq - WINDOW + 1), n * SEQS + lastSeq).length;
  }
  function append(state: State, messages: readonly TurnMessage[], session: string): void {
    const now = Date.now();
    let { bytes } = state;
    for (const [i, { key, body, size }] of messages.entries()) {
      insertMessage.run(state.n * SEQS + state.last_seq + 1 + i, now, key, body, size);
      bytes += size;
    }
    updateState.run(state.version + 1, state.last_seq + messages.length, bytes, now, now, now + 2 * DAY, session, state.n);
  }

  return {
    add(id, messages, metadata, session) {
      const n = ++conversations;
      const now = Date.now();
      begin.run();
      insertState.run(n, id, messages.length, 0, now, now, now, now + DAY, JSON.stringify(metadata), JSON.stringify(session));
      for (const [i, { key, body, size }] of messages.entries()) insertMessage.run(n * SEQS + i + 1, now, key, body, size);
      commit.run();
    },
    plainTurn(id, messages, session) {
      const state = read(id);
      window(state, state.last_seq);
      begin.run();
      append(state, messages, JSON.stringify(session));
      commit.run();
    },
    twoStepTurn(id, [said, answered], session) {
      begin.run();
      const state = read(id);
      append(state, [said], state.session);
      window(state, state.last_seq + 1);
      commit.run();
      begin.run();
      append(read(id), [answered], JSON.stringify(session));
      commit.run();
    },
    close() {
      if (seen === 0) throw new Error("nothing was read");
      db.close();
    },
  };
}
