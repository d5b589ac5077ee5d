/** Saves on their way: what may or may not have arrived, so that it can be sent again without being stored twice. */
import { storableMessages } from "./storable.ts";
import type { Message } from "../core/conversation.ts";
import { getOwn, isJsonObject } from "../core/json.ts";
import { textsOf } from "./transcript-texts.ts";
import { firstNew } from "./what-is-new.ts";

/** One save. Sent again under its key, it is stored once. */
export interface PendingSave {
  key: string;
  /** When it was made, in epoch milliseconds. */
  at: number;
  /** What was new; or, with `whole`, a transcript of which what is new is told from what is stored. */
  messages: Message[];
  whole?: true;
}

/** Stores forget keys after a day; an hour is left for clocks that differ. */
const KEY_LIVES_MS = 23 * 3_600_000;

/** Whether no key tells any more if a save has arrived: then what it brings must be compared. */
export function isUncertain({ idempotent, clock }: { idempotent: boolean; clock: () => number }, save: PendingSave): boolean {
  return !save.whole && (!idempotent || clock() - save.at > KEY_LIVES_MS);
}

/** The saves of two savers of one session, each once. A whole one that goes on from another one replaces it. */
export function joinSaves(before: readonly PendingSave[], mine: readonly PendingSave[]): PendingSave[] {
  const contained = (save: PendingSave) => mine.some((own) => own.key === save.key || (own.whole && save.whole && goesOn(own, save)));
  return [...before.filter((save) => !contained(save)), ...mine];
}

function goesOn(save: PendingSave, before: PendingSave): boolean {
  const texts = textsOf(before.messages);
  return firstNew(texts, textsOf(save.messages)) === texts.length;
}

/** The saves in a stored list; what is none is left out. */
export function readSaves(list: readonly unknown[]): PendingSave[] {
  return list.flatMap((save) => {
    if (!isJsonObject(save)) return [];
    const [key, at] = [getOwn(save, "key"), getOwn(save, "at")];
    if (typeof key !== "string" || typeof at !== "number") return [];
    const messages = readMessages(getOwn(save, "messages"));
    return [{ key, at, messages, ...(getOwn(save, "whole") === true ? { whole: true as const } : {}) }];
  });
}

/** The messages in a stored list, as they can be stored again. */
export function readMessages(list: unknown): Message[] {
  return storableMessages(list);
}
