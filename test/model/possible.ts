// What may come of a command: an answer together with the state that it leaves. Mostly there is one; where the specification leaves something open, several.

import type { Expected } from "./command.ts";
import { copy, expiredFirst, type ModelConversation } from "./model-conversation.ts";

/** A value (see `difference`), or a failure with one of these codes. */
export type Answer = { value: unknown } | { errors: readonly string[] };

export interface Possible {
  state: ModelConversation;
  answer: Answer;
  /** Told of the answer, when this is what came of it. */
  learn?: (answer: unknown) => void;
}

/** The version that the caller sends, and whether it is stale. */
export interface Wanted {
  version: number | string | undefined;
  stale: boolean;
}

/** The version to send for what the command says. */
export function wantedVersion(expected: Expected, c: ModelConversation | null, incarnation: string | null): Wanted {
  const version = c?.version ?? 1;
  switch (expected) {
    case "none":
      return { version: undefined, stale: false };
    case "right":
      return { version, stale: false };
    case "tag":
      return { version: incarnation === null ? version : `${incarnation}.${version}`, stale: false };
    case "older":
      return { version: version - 1, stale: true };
    case "newer":
      return { version: version + 1, stale: true };
    case "foreign":
      return { version: `0000000000000000.${version}`, stale: true };
  }
}

/** The codes that speak against a change before its content is looked at. If several do, the answer may carry any of them. */
export function refusals(c: ModelConversation, wanted: Wanted): string[] {
  return [...(c.status === "deleted" ? ["gone"] : c.wiped ? ["conflict"] : []), ...(wanted.stale ? ["version_mismatch"] : [])];
}

/** Refused: nothing is changed, but what had expired may have been archived on the way. */
export function refused(c: ModelConversation, now: number, errors: readonly string[]): Possible[] {
  return eitherWay(c, now).map((state) => ({ state, answer: { errors } }));
}

/** The conversation as it is, and archived if it has expired. One that was in the archive alone may be in both stores afterwards. */
export function eitherWay(c: ModelConversation, now: number): ModelConversation[] {
  const same = copy(c);
  if (same.place === "archive") same.place = "unsure";
  const after = expiredFirst(c, now);
  return after.version === c.version ? [same] : [same, after];
}
