// The yardstick of the HTTP benchmark: bare Hono routes on @hono/node-server that run the raw statements in one thread, checking nothing. Run as a program.

import { DatabaseSync } from "node:sqlite";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const TABLES = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE conversations (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, version INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL, created INTEGER NOT NULL, last_activity INTEGER NOT NULL, last_access INTEGER, expires_at INTEGER,
    metadata TEXT NOT NULL, session TEXT NOT NULL
  ) STRICT;
  CREATE TABLE messages (place INTEGER PRIMARY KEY, stored_at INTEGER NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL) STRICT;`;
const DAY = 86_400_000;
const SEQS = 2 ** 22;

interface State {
  n: number;
  version: number;
  last_seq: number;
  bytes: number;
}

const db = new DatabaseSync((process.env["DATABASE_URL"] ?? "").replace(/^sqlite:/, ""));
db.exec(TABLES);
const insertState = db.prepare("INSERT INTO conversations VALUES (NULL, ?, 'active', 1, 0, 0, ?, ?, ?, ?, ?, ?)");
const selectState = db.prepare("SELECT * FROM conversations WHERE id = ?");
const insertMessage = db.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?)");
const updateState = db.prepare(
  "UPDATE conversations SET version = ?, last_seq = ?, bytes = ?, last_activity = ?, last_access = ?, expires_at = ? WHERE n = ?",
);
const selectWindow = db.prepare("SELECT * FROM messages WHERE place BETWEEN ? AND ? ORDER BY place");
const begin = db.prepare("BEGIN IMMEDIATE");
const commit = db.prepare("COMMIT");

const app = new Hono();

app.post("/api/v1/conversations", async (c) => {
  const id = crypto.randomUUID();
  const now = Date.now();
  insertState.run(id, now, now, now, now + DAY, JSON.stringify(await c.req.json()), "{}");
  return c.json({ success: true, conversationId: id });
});

app.post("/api/v1/conversations/:id/messages", async (c) => {
  const body = JSON.stringify(await c.req.json());
  const window = Number(c.req.query("window") ?? 0);
  const now = Date.now();
  begin.run();
  // The casts: the columns of the tables above.
  const { n, version, last_seq: last, bytes } = selectState.get(c.req.param("id")) as unknown as State;
  const seq = last + 1;
  insertMessage.run(n * SEQS + seq, now, crypto.randomUUID(), body, body.length);
  updateState.run(version + 1, seq, bytes + body.length, now, now, now + 2 * DAY, n);
  const rows = selectWindow.all(n * SEQS + Math.max(1, seq - window + 1), n * SEQS + seq) as unknown as { body: string }[];
  commit.run();
  const messages = [{ seq, storedAt: new Date(now).toISOString() }];
  const data = { messages, messageCount: seq, version: version + 1, window: rows.map((row) => JSON.parse(row.body) as unknown) };
  return c.json({ success: true, data });
});

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"]) }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
);
process.once("SIGTERM", () => {
  server.close();
  db.close();
  process.exit();
});
