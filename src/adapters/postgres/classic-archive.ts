/**
 * An archive over a plain `{query(text, values)}` with the two statements that older code knows: the upsert of nine columns
 * by `id`, and the select by `id`. What nine columns cannot tell (version, hold, times of messages, …) is not kept.
 */
import type { Archive } from "../../core/archive.ts";
import { isoTime, joinMetadata, splitMetadata } from "../../core/conversation.ts";
import { ConversationError, NotSupportedError, StoredDataError } from "../../core/errors.ts";
import { STATUSES, type Head, type Status, type StoredMessage, type Whole } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { classicFailure } from "./classic-failure.ts";

/** A database connection or pool. What it answers may be nothing; what it throws is a failure. */
export interface QueryLike {
  query(text: string, values: unknown[]): Promise<{ rows?: unknown[] } | undefined | null>;
}

const UPSERT = `
INSERT INTO conversations (
  id, created, last_activity, status, message_count, metadata, messages, archived_at, archive_reason
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET
  last_activity = EXCLUDED.last_activity,
  status = EXCLUDED.status,
  message_count = EXCLUDED.message_count,
  metadata = EXCLUDED.metadata,
  messages = EXCLUDED.messages,
  archived_at = EXCLUDED.archived_at,
  archive_reason = EXCLUDED.archive_reason`;

const SELECT = `SELECT * FROM conversations WHERE id = $1`;

const encoder = new TextEncoder();

/** A row as a driver may give it: JSON as text or as objects, times as text or as `Date`. */
type Row = Readonly<Record<string, unknown>>;

/**
 * An archive of nine columns. `put` overwrites, `read` and `messages` read the row; everything else throws
 * `NotSupportedError`. There is no erasure log: an erased conversation is a row with the status `deleted`.
 */
export function classicArchive(db: QueryLike): Archive {
  async function run(text: string, values: unknown[]): Promise<readonly unknown[]> {
    try {
      return (await db.query(text, values))?.rows ?? [];
    } catch (cause) {
      throw classicFailure(cause);
    }
  }

  async function read(id: string): Promise<Whole | null> {
    const [row] = await run(SELECT, [id]);
    return row === undefined || row === null ? null : wholeFrom(row as Row, id);
  }

  return {
    capabilities: { maxMessageBytes: 16 * 1024 * 1024, overwrittenWithinMs: null },
    async read(id, window) {
      const whole = await read(id);
      return whole && { head: whole.head, messages: window > 0 ? whole.messages.slice(-window) : [] };
    },
    async messages(id, { after = 0, before = Infinity, limit, order }) {
      const whole = await read(id);
      if (!whole) return null;
      const stretch = whole.messages.filter(({ seq }) => seq > after && seq < before);
      if (order === "desc") stretch.reverse();
      return stretch.slice(0, limit);
    },
    scan: () => cannot("list conversations"),
    async put({ head, messages }) {
      await run(UPSERT, [
        head.id,
        isoTime(head.created),
        isoTime(head.lastActivity),
        head.status,
        head.lastSeq,
        JSON.stringify(joinMetadata(head.metadata, head.session)),
        `[${messages.map(({ body }) => body).join(",")}]`,
        head.archivedAt === null ? null : isoTime(head.archivedAt),
        head.archiveReason,
      ]);
      return "stored";
    },
    erase: () => cannot("keep a log of what was erased"),
    erasures: () => cannot("keep a log of what was erased"),
    erased: () => cannot("keep a log of what was erased"),
    purge: () => cannot("purge; the database's own cleanup_old_conversations() does"),
    probe: () => cannot("be asked without a conversation"),
    async scrub() {
      return true;
    },
    // The connection is the caller's.
    async close() {},
  };
}

function cannot(what: string): Promise<never> {
  return Promise.reject(new NotSupportedError(`An archive of nine columns cannot ${what}`));
}

function wholeFrom(row: Row, id: string): Whole {
  try {
    const metadata = jsonOf(row["metadata"]);
    const messages = jsonOf(row["messages"]);
    return assembled(row, id, isJsonObject(metadata) ? metadata : {}, Array.isArray(messages) ? messages : []);
  } catch (cause) {
    if (cause instanceof ConversationError) throw cause;
    throw new StoredDataError("The archived conversation is not readable: its row holds what is no JSON", { cause });
  }
}

function assembled(row: Row, id: string, shown: JsonObject, transcript: readonly Json[]): Whole {
  const { metadata, session } = splitMetadata(shown);
  const created = timeOf(row["created"]) ?? timeOf(row["last_activity"]);
  if (created === null) throw new StoredDataError("The archived conversation is not readable: its row has no time");
  const lastActivity = timeOf(row["last_activity"]) ?? created;
  const archivedAt = timeOf(row["archived_at"]);
  const status = row["status"] as Status;
  const count = Number(row["message_count"]) || 0;
  const messages = transcript.map((message, i): StoredMessage => {
    const body = JSON.stringify(message);
    // Keys are made again of the messages' own ids, by whoever knows how (`a:` says so).
    return { seq: i + 1, storedAt: lastActivity, key: `a:${i + 1}`, digest: null, body, size: encoder.encode(body).length };
  });
  const source = metadata["source"];
  const head: Head = {
    id,
    status: STATUSES.includes(status) ? status : "archived",
    source: typeof source === "string" && source !== "" ? source : "unknown",
    environment: id.slice(-1) as Environment,
    // Another archiving is another incarnation: no version of before fits by chance.
    incarnation: `a${(archivedAt ?? lastActivity).toString(36)}`,
    version: 0,
    revision: 0,
    // A tombstone keeps its count.
    lastSeq: status === "deleted" ? count : messages.length,
    bytes: messages.reduce((sum, { size }) => sum + size, 0),
    created,
    lastActivity,
    lastAccess: null,
    expiresAt: null,
    completedAt: null,
    archivedAt,
    archiveReason: typeof row["archive_reason"] === "string" ? row["archive_reason"] : null,
    wiped: status === "deleted",
    warnedFor: null,
    hold: false,
    tokenEpoch: 0,
    keyring: null,
    subjects: [],
    metadata,
    session: session as Json,
  };
  return { head, messages };
}

function jsonOf(value: unknown): unknown {
  return typeof value === "string" ? JSON.parse(value) : value;
}

/** As `Date`, as ISO 8601, or as PostgreSQL writes it: `2025-01-25 14:30:52.123+00`. */
function timeOf(value: unknown): number | null {
  let ms = typeof value === "number" ? value : Number.NaN;
  if (value instanceof Date) ms = value.getTime();
  if (typeof value === "string") ms = Date.parse(value);
  return Number.isFinite(ms) ? ms : null;
}
