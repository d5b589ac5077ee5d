/** The shapes that answers are made of. */
import * as z from "zod";
import type { ErrorCode } from "../core/errors.ts";
import { STATUSES } from "../core/head.ts";
import { ERROR_STATUSES } from "./error-statuses.ts";
import { jsonObject } from "./fields.ts";

const time = () => z.string().meta({ format: "date-time", description: "ISO 8601 UTC with milliseconds" });
const count = () => z.int().min(0);

/** A message: any JSON object. */
export const message = jsonObject().meta({
  type: "object",
  description: "Any JSON object, in practice `{role, content, timestamp?, …}`. A text `id` makes repeats known.",
  examples: [{ role: "user", content: "Buongiorno" }],
});

const conversationFields = {
  id: z.string(),
  created: time(),
  lastActivity: time(),
  lastAccess: time().nullable().meta({ description: "Null: not accessed since creation." }),
  expiresAt: time().nullable().meta({ description: "Null when archived." }),
  status: z.enum(STATUSES),
  messageCount: count(),
  metadata: jsonObject().meta({ type: "object", description: "With the chatbot's state as `context`, `step` and `leadData`." }),
  version: count().meta({ description: "Grows with every change." }),
  completedAt: time().optional(),
  archivedAt: time().optional(),
  archiveReason: z.string().optional(),
};

/** A conversation with the part of its transcript that was asked for. */
export const conversation = z.strictObject({
  ...conversationFields,
  messages: z.array(message).meta({ description: "The transcript or the part that was asked for, oldest first." }),
});

/** An entry of the directory. */
export const directoryEntry = z.strictObject({
  ...conversationFields,
  source: z.string(),
  environment: z.enum(["P", "S", "D"]),
  snippet: z.string().optional().meta({ description: "Where the searched words were said." }),
});

/** What is known of an API key; never the key itself. */
export const apiKey = z.strictObject({
  id: z.string().meta({ description: "The public part of the key." }),
  scope: z.enum(["site", "service", "operator", "admin"]),
  name: z.string(),
  origins: z.array(z.string()).meta({ description: "Of a site key: where it works; empty: on all origins that the server allows." }),
  created: time(),
  expiresAt: time().nullable(),
  revokedAt: time().nullable(),
  lastUsed: time().nullable().meta({ description: "To within a minute or two." }),
  replacedBy: z.string().nullable().meta({ description: "The key that was made in its place." }),
  configured: z.boolean().meta({ description: "Given by configuration." }),
});

/** The proof of a wiping or erasing. */
export const receipt = z.strictObject({
  id: z.string(),
  action: z.enum(["wiped", "erased"]),
  at: time(),
  removed: z.strictObject({ hot: count(), archive: count() }).meta({ description: "Messages removed, by place." }),
  overwrittenBy: time().nullable().meta({ description: "By when the engines have overwritten it too; null: this store cannot say." }),
  backupsExpireAt: time()
    .nullable()
    .meta({ description: "When the last backup that may still hold it expires; null: no backups are made." }),
});

/** A conversation of a person, in the answer to an erasure. */
export const subjectErasure = z.strictObject({
  id: z.string(),
  messages: count(),
  receipt: receipt.optional(),
  error: z.string().optional(),
});

/** A message with its place. */
export const placedMessage = z.strictObject({ seq: z.int().min(1), storedAt: time(), message });

/** What an append answers. */
export const appended = z.strictObject({
  messages: z
    .array(z.strictObject({ seq: z.int().min(1), storedAt: time() }))
    .meta({ description: "Where each message stands; a repeated one has its old place." }),
  messageCount: count(),
  version: count(),
  window: z.array(message).optional().meta({ description: "The newest messages, oldest first, if asked for." }),
});

/** Something that happened in a life. */
export const lifecycleEvent = z.strictObject({ event: z.string(), at: time(), details: jsonObject() });

const statistics = {
  total: count(),
  completed: count(),
  archived: count(),
  averageMessages: z.number().nullable(),
  averageDurationSeconds: z.number().nullable(),
  bySource: z.record(z.string(), count()),
};

/** Counts by UTC day of creation. */
export const analytics = z.strictObject({
  days: z.array(z.strictObject({ date: z.string().meta({ format: "date" }), ...statistics })),
  totals: z.strictObject(statistics),
  live: count().meta({ description: "Active and completed now." }),
});

/** Every failure. */
export const failure = z.strictObject({
  success: z.literal(false),
  error: z.string().meta({ description: "A sentence for people." }),
  code: z.enum(Object.keys(ERROR_STATUSES) as ErrorCode[]).meta({ description: "For programs; the list is closed." }),
  requestId: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});

/** A success: `success: true` and what goes with it. */
export function success<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject({ success: z.literal(true), ...shape });
}

/** The answer of most routes: the conversation as it is now. */
export const conversationAnswer = success({ data: conversation });
