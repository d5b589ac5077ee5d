// A head as the three texts of its hash: `core`, a JSON object that scripts read and write, and `metadata` and `session`, JSON that they never look into.

import { StoredDataError } from "../../core/errors.ts";
import type { Head, Status } from "../../core/head.ts";
import type { Environment } from "../../core/id.ts";
import type { Json } from "../../core/json.ts";

/** The fields of the hash of a head. */
export const HEAD_FIELDS: readonly string[] = ["core", "metadata", "session"];

/** The texts of `HEAD_FIELDS`. */
export type HeadTexts = [core: string, metadata: string, session: string];

const textOf = (value: number | null): string | undefined => (value === null ? undefined : String(value));

/** Subjects as one line: JSON texts, which have no tabs, with tabs between. */
export function subjectLine(subjects: readonly string[]): string {
  return subjects.map((subject) => JSON.stringify(subject)).join("\t");
}

/** The texts of a head. In the core every value is a text, and what is null, false or empty is absent. */
export function textsOf(head: Head): HeadTexts {
  const core: { [field: string]: string | undefined } = {
    status: head.status,
    source: head.source,
    environment: head.environment,
    incarnation: head.incarnation,
    version: String(head.version),
    revision: String(head.revision),
    lastSeq: String(head.lastSeq),
    bytes: String(head.bytes),
    created: String(head.created),
    lastActivity: String(head.lastActivity),
    lastAccess: textOf(head.lastAccess),
    expiresAt: textOf(head.expiresAt),
    completedAt: textOf(head.completedAt),
    archivedAt: textOf(head.archivedAt),
    archiveReason: head.archiveReason ?? undefined,
    wiped: head.wiped ? "1" : undefined,
    warnedFor: textOf(head.warnedFor),
    hold: head.hold ? "1" : undefined,
    tokenEpoch: String(head.tokenEpoch),
    keyring: head.keyring ?? undefined,
    subjects: head.subjects.length > 0 ? subjectLine(head.subjects) : undefined,
  };
  return [JSON.stringify(core), JSON.stringify(head.metadata), JSON.stringify(head.session)];
}

function damaged(id: string, cause?: unknown): StoredDataError {
  return new StoredDataError(`The stored state of conversation ${id} cannot be read; restore this conversation from a backup`, { cause });
}

/** The head of its texts. Throws `StoredDataError` if they are no head. */
export function headOf(id: string, core: unknown, metadata: unknown, session: unknown): Head {
  if (typeof core !== "string" || typeof metadata !== "string" || typeof session !== "string") throw damaged(id);
  const number = (text: string | undefined): number => {
    const value = Number(text ?? Number.NaN);
    if (!Number.isFinite(value)) throw damaged(id);
    return value;
  };
  const time = (text: string | undefined): number | null => (text === undefined ? null : number(text));
  try {
    // The casts: `textsOf` and the scripts write nothing else.
    const fields = JSON.parse(core) as { [field: string]: string | undefined };
    if (fields.status === undefined || fields.incarnation === undefined) throw damaged(id);
    return {
      id,
      status: fields.status as Status,
      source: fields.source!,
      environment: fields.environment as Environment,
      incarnation: fields.incarnation,
      version: number(fields.version),
      revision: number(fields.revision),
      lastSeq: number(fields.lastSeq),
      bytes: number(fields.bytes),
      created: number(fields.created),
      lastActivity: number(fields.lastActivity),
      lastAccess: time(fields.lastAccess),
      expiresAt: time(fields.expiresAt),
      completedAt: time(fields.completedAt),
      archivedAt: time(fields.archivedAt),
      archiveReason: fields.archiveReason ?? null,
      wiped: fields.wiped === "1",
      warnedFor: time(fields.warnedFor),
      hold: fields.hold === "1",
      tokenEpoch: number(fields.tokenEpoch),
      keyring: fields.keyring ?? null,
      subjects: fields.subjects?.split("\t").map((subject) => JSON.parse(subject) as string) ?? [],
      metadata: JSON.parse(metadata) as Json,
      session: JSON.parse(session) as Json,
    };
  } catch (cause) {
    throw cause instanceof StoredDataError ? cause : damaged(id, cause);
  }
}

/** A head among several: null if it is damaged, so that the others are answered. */
export function readableHead(id: string, texts: unknown): Head | null {
  try {
    const [core, metadata, session] = texts as unknown[];
    return headOf(id, core, metadata, session);
  } catch {
    return null;
  }
}
