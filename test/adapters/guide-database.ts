// A database as the guide's SQL makes it: a table with two checks, four indexes, a view and a function. Its partitions fail, since the table
// is not partitioned, and its ID column is too short for its own IDs, so whoever used it has widened it.

import type pg from "pg";

/** A row of nine columns, in their order; JSON as text. */
export type GuideRow = readonly [
  id: string | null,
  created: string | null,
  lastActivity: string | null,
  status: string,
  messageCount: number,
  metadata: string | null,
  messages: string | null,
  archivedAt: string | null,
  archiveReason: string | null,
];

/** Makes it in the schema of the connection, with an ID column of this width. */
export async function makeGuideDatabase(client: pg.Client, width = 32): Promise<void> {
  await client.query(`
    CREATE TABLE conversations (
      id VARCHAR(${width}) PRIMARY KEY,
      created TIMESTAMPTZ NOT NULL,
      last_activity TIMESTAMPTZ NOT NULL,
      status VARCHAR(20) NOT NULL DEFAULT 'active',
      message_count INTEGER NOT NULL DEFAULT 0,
      metadata JSONB NOT NULL DEFAULT '{}',
      messages JSONB NOT NULL DEFAULT '[]',
      archived_at TIMESTAMPTZ,
      archive_reason VARCHAR(50),
      CONSTRAINT conversations_status_check CHECK (status IN ('active', 'completed', 'archived', 'deleted')),
      CONSTRAINT conversations_id_format CHECK (id ~ '^ITERA_\\d{8}_\\d{6}_[A-Z0-9]{12}_[PSD]$')
    );
    CREATE INDEX idx_conversations_created ON conversations (created);
    CREATE INDEX idx_conversations_last_activity ON conversations (last_activity);
    CREATE INDEX idx_conversations_status ON conversations (status);
    CREATE INDEX idx_conversations_metadata_gin ON conversations USING GIN (metadata);
    CREATE VIEW conversation_analytics AS
      SELECT date_trunc('day', created) AS date, count(*) AS total_conversations FROM conversations GROUP BY 1;
    CREATE FUNCTION cleanup_old_conversations() RETURNS INTEGER LANGUAGE plpgsql AS $$
    BEGIN
      DELETE FROM conversations WHERE created < now() - INTERVAL '7 years' AND status IN ('archived', 'completed');
      RETURN 0;
    END $$;
  `);
}

/** Takes away what keeps odd rows out, as some have done by hand. */
export async function loosen(client: pg.Client): Promise<void> {
  await client.query(`
    ALTER TABLE conversations
      DROP CONSTRAINT conversations_status_check,
      DROP CONSTRAINT conversations_id_format,
      ALTER COLUMN created DROP NOT NULL,
      ALTER COLUMN last_activity DROP NOT NULL,
      ALTER COLUMN metadata DROP NOT NULL,
      ALTER COLUMN messages DROP NOT NULL;
    ALTER TABLE conversations ALTER COLUMN archive_reason TYPE TEXT;
  `);
}

/** Inserts rows. */
export async function insertRows(client: pg.Client, rows: readonly GuideRow[]): Promise<void> {
  for (const row of rows) {
    await client.query(
      `INSERT INTO conversations (id, created, last_activity, status, message_count, metadata, messages, archived_at, archive_reason)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [...row],
    );
  }
}

/** A row as the guide's program writes it, said on the given day (YYYYMMDD) with this number in its ID. */
export function archivedRow(day: string, n: number, messages: readonly object[] = [{ role: "user", content: `hello ${n}` }]): GuideRow {
  const at = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T14:30:52.123Z`;
  const id = `ITERA_${day}_143052_${n.toString(36).toUpperCase().padStart(12, "0")}_P`;
  const metadata = JSON.stringify({ source: "web", email: `visitor${n}@example.com`, step: "done" });
  return [id, at, at, "archived", messages.length, metadata, JSON.stringify(messages), at, "resolved"];
}
