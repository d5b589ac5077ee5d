/** When something falls due in a conversation, as it is kept beside its value: so a sweep finds what it looks for without reading values. */
import { STATUSES, type Head, type Status } from "../../core/head.ts";
import { isJsonObject } from "../../core/json.ts";

/** The times that `take` asks for; null: never. */
export interface Due {
  expire: number | null;
  warn: number | null;
  move: number | null;
}

type Facts = Pick<Head, "status" | "expiresAt" | "warnedFor" | "archivedAt">;

/** When something falls due in a conversation. */
export function dueOf({ status, expiresAt, warnedFor, archivedAt }: Facts): Due {
  const open = status === "active" || status === "completed";
  return {
    expire: open ? expiresAt : null,
    warn: open && warnedFor !== expiresAt ? expiresAt : null,
    move: open ? null : archivedAt,
  };
}

/** What is stored beside a value: facts and no conclusions, and nothing that was said. KV takes 1,024 bytes. */
export function metadataOf({ status, expiresAt, warnedFor, archivedAt }: Facts): object {
  return {
    status,
    ...(expiresAt !== null && { expiresAt }),
    ...(warnedFor !== null && { warnedFor }),
    ...(archivedAt !== null && { archivedAt }),
  };
}

function timeIn(metadata: { readonly [name: string]: unknown }, name: string): number | null {
  const value = metadata[name];
  return typeof value === "number" ? value : null;
}

/** What stands beside a value; null: nothing that was written here. */
export function readMetadata(metadata: unknown): Due | null {
  if (!isJsonObject(metadata)) return null;
  const status = metadata["status"] as Status;
  if (!STATUSES.includes(status)) return null;
  return dueOf({
    status,
    expiresAt: timeIn(metadata, "expiresAt"),
    warnedFor: timeIn(metadata, "warnedFor"),
    archivedAt: timeIn(metadata, "archivedAt"),
  });
}
