// What is stored, read in two ways: over HTTP by everybody's routes, and from the file by nothing of ours.

import { DatabaseSync } from "node:sqlite";
import type { Message } from "../../src/core/conversation.ts";
import type { StoredLine } from "./ledger.ts";
import type { Wire } from "./wire.ts";

const PAGE = 1000;
/** All but what is deleted, which is listed only when asked for. */
const EVERY_STATUS = "active,completed,archived,deleted";

/** An entry of the list, as far as these tests look at it. */
export interface Entry {
  readonly id: string;
  readonly status: string;
  readonly messageCount: number;
}

async function answered<T>(wire: Wire, url: string): Promise<T> {
  const answer = await wire.send("GET", url);
  if (answer.status !== 200) throw new Error(`GET ${url} answered ${answer.status}: ${answer.text}`);
  return answer.json<T>();
}

/** The whole list, erased ones too, page by page. */
export async function listAll(wire: Wire, url: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ status: EVERY_STATUS, limit: "100", ...(cursor === null ? {} : { cursor }) });
    const page: { data: Entry[]; nextCursor: string | null } = await answered(wire, `${url}/api/v1/conversations?${query.toString()}`);
    entries.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return entries;
}

/** The transcript of one conversation. The messages of these tests have a text as their `content`, which tells them from all others. */
export async function transcript(wire: Wire, url: string, id: string): Promise<StoredLine[]> {
  const lines: StoredLine[] = [];
  let after: number | null = 0;
  do {
    const page: { data: { seq: number; message: Message }[]; nextCursor: number | null } = await answered(
      wire,
      `${url}/api/v1/conversations/${id}/messages?after=${after}&limit=${PAGE}`,
    );
    for (const { seq, message } of page.data) lines.push({ seq, content: message["content"] as string });
    after = page.nextCursor;
  } while (after !== null);
  return lines;
}

/** Every conversation that the list names, with its transcript. */
export async function transcripts(wire: Wire, url: string): Promise<Map<string, StoredLine[]>> {
  const all = new Map<string, StoredLine[]>();
  for (const { id } of await listAll(wire, url)) {
    if (all.has(id)) throw new Error(`${id} is listed twice`);
    all.set(id, await transcript(wire, url, id));
  }
  return all;
}

/** What SQLite itself says of a database file: `ok`, or what is damaged. */
export function integrityOf(path: string): string {
  const database = new DatabaseSync(path);
  try {
    const rows = database.prepare("PRAGMA integrity_check").all() as { integrity_check: string }[];
    return rows.map((row) => row.integrity_check).join("; ");
  } finally {
    database.close();
  }
}
