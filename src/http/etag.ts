/** ETags (RFC 9110): `"<incarnation>.<version>-<lastAccess>-<window>"`, always strong, and the conditions that name them. */
import { InvalidInputError } from "../core/errors.ts";

/** The state that a tag names. */
export interface TaggedState {
  readonly incarnation: string;
  readonly version: number;
  /** Epoch milliseconds; null: never. */
  readonly lastAccess: number | null;
}

/** The tag of a state, seen through a window of the transcript: `all`, `none` or a number. */
export function etagOf(state: TaggedState, window: string | number): string {
  return `"${versionOf(state)}-${state.lastAccess ?? 0}-${window}"`;
}

/** What a tag has before its first dash: what `If-Match` compares. */
export function versionOf({ incarnation, version }: Pick<TaggedState, "incarnation" | "version">): string {
  return `${incarnation}.${version}`;
}

interface Tag {
  readonly weak: boolean;
  readonly text: string;
}

/** The tags of a condition; `*` for any. Throws `InvalidInputError` naming the header. */
function tagsOf(header: string, name: string): Tag[] | "*" {
  if (header.trim() === "*") return "*";
  const tag = /\s*(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")\s*(?:,|$)/y;
  const tags: Tag[] = [];
  while (tag.lastIndex < header.length) {
    const [, weak, text] = tag.exec(header) ?? [];
    if (text === undefined) throw new InvalidInputError(`${name} must be * or a list of ETags in double quotes`);
    tags.push({ weak: weak !== undefined, text });
  }
  if (tags.length === 0) throw new InvalidInputError(`${name} must be * or a list of ETags in double quotes`);
  return tags;
}

/** Whether `If-None-Match` names this tag, so that the answer is 304. Weak tags count. */
export function namesTag(header: string, etag: string): boolean {
  const tags = tagsOf(header, "If-None-Match");
  return tags === "*" || tags.some(({ text }) => text === etag);
}

/** A version that no conversation ever has. */
const NEVER = "-.0";

/**
 * The versions (`<incarnation>.<version>`) that `If-Match` names, at least one; null: any will do. Only what stands before
 * the first dash counts. A weak tag, and one that is not of ours, matches nothing.
 */
export function versionsMatched(header: string): readonly string[] | null {
  const tags = tagsOf(header, "If-Match");
  if (tags === "*") return null;
  const versions = tags.flatMap(({ weak, text }) => (weak ? [] : (/^"([^".-]+\.\d{1,15})-/.exec(text)?.[1] ?? [])));
  return versions.length === 0 ? [NEVER] : versions;
}
