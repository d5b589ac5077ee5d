/** What an object answers: values, also for what went wrong in a way that is expected, since an error that crosses a call loses its class. */
import type { StoredMessage, Whole } from "../../core/head.ts";
import type { Change, Committed } from "../../core/hot-store.ts";
import type { MessagePage } from "../../core/store.ts";
import { ConversationError, StoredDataError, StoreUnavailableError, TooLargeError } from "../../core/errors.ts";
import { packMessages, unpackMessages, type PackedMessages } from "./packed-messages.ts";
import type { Creation } from "./writes.ts";

/** A value, or the code and the sentence of an error. */
export type Reply<T> = { value: T } | { error: { code: string; message: string } };

/** A conversation on its way. */
export interface PackedWhole extends Omit<Whole, "messages"> {
  messages: PackedMessages;
}

/** The answer of a commit on its way. */
export type PackedCommitted =
  | Exclude<Committed, { outcome: "done" | "replayed" }>
  | (Omit<Extract<Committed, { outcome: "done" | "replayed" }>, "window"> & { window: PackedMessages });

/** The methods of an object that are called from Workers. Each is one call. */
export interface ConversationObjectLike {
  read(id: string, window: number): Promise<Reply<PackedWhole | null>>;
  messages(id: string, page: MessagePage): Promise<Reply<PackedMessages | null>>;
  create(whole: PackedWhole, options: Creation): Promise<Reply<PackedCommitted>>;
  /** `append`: in the place of `change.append`, if that is long; places and times in it mean nothing. */
  commit(id: string, change: Change, append?: PackedMessages): Promise<Reply<PackedCommitted>>;
  remove(id: string, ifVersion: number): Promise<Reply<boolean>>;
  /** The object's clock; stores nothing, whatever the object's name. */
  now(): Promise<number>;
}

/** Runs `work`; an error of ours becomes a reply. */
export async function replyOf<T>(work: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof ConversationError) return { error: { code: error.code, message: error.message } };
    throw error;
  }
}

/** The value of a reply. Throws the error that it tells of. */
export function valueOf<T>(reply: Reply<T>): T {
  if ("value" in reply) return reply.value;
  const { code, message } = reply.error;
  if (code === "too_large") throw new TooLargeError(message);
  if (code === "internal") throw new StoredDataError(message);
  throw new StoreUnavailableError(message);
}

/** A conversation, packed. */
export function packWhole(whole: Whole): PackedWhole {
  return { ...whole, messages: packMessages(whole.messages) };
}

/** The reverse. */
export function unpackWhole({ head, messages }: PackedWhole): Whole {
  return { head, messages: unpackMessages(messages) };
}

/** A commit's answer, packed. */
export function packCommitted(committed: Committed): PackedCommitted {
  return "window" in committed ? { ...committed, window: packMessages(committed.window) } : committed;
}

/** The reverse. */
export function unpackCommitted(packed: PackedCommitted): Committed {
  return "window" in packed ? { ...packed, window: unpackMessages(packed.window) } : packed;
}

/** A page, packed. */
export function packPage(messages: StoredMessage[] | null): PackedMessages | null {
  return messages && packMessages(messages);
}
