/** What is known of the session objects that were handed out: what they held when they were loaded or last saved. */
import { isJsonObject } from "../core/json.ts";
import type { PendingSave } from "./pending-save.ts";
import type { Session } from "./session.ts";

/** A save of an object, and what the object was known to hold before it; null: nothing was known. */
export interface OwnSave {
  save: PendingSave;
  before: string[] | null;
}

/** What is known of one object. */
export interface Known {
  id: string;
  /** The messages that are stored, or on their way in `pending`, as texts. */
  texts: string[];
  /** Saves whose answer never came, oldest first. */
  pending: OwnSave[];
  /** The session lies bare under its own ID. */
  lying: boolean;
}

/** A memory of session objects that does not keep them alive. */
export class KnownSessions {
  readonly #known = new WeakMap<Session, Known>();
  readonly #seen = new WeakMap<Session, WeakSet<object>>();

  /** What is known of an object; undefined if nothing is, or if it was given another ID since. */
  get(session: Session): Known | undefined {
    const known = this.#known.get(session);
    return known?.id === session.id ? known : undefined;
  }

  set(session: Session, texts: string[], pending: OwnSave[] = []): Known {
    const known: Known = { id: session.id, texts, pending, lying: false };
    this.#known.set(session, known);
    return known;
  }

  /** Notes the message objects that the session holds now, or these of them. */
  see(session: Session, messages: readonly unknown[] = session.messages): void {
    const seen = this.#seen.get(session) ?? new WeakSet<object>();
    this.#seen.set(session, seen);
    for (const message of Array.isArray(messages) ? messages : []) if (isJsonObject(message)) seen.add(message);
  }

  /** Only texts tell from now on: what was noted may not be stored. */
  unsee(session: Session): void {
    this.#seen.delete(session);
  }

  /** The index after the last message object that the session held before: the very objects tell more than equal texts. Null: it holds none of them. */
  firstUnseen(session: Session): number | null {
    const seen = this.#seen.get(session);
    const messages: unknown[] = Array.isArray(session.messages) ? session.messages : [];
    const last = messages.findLastIndex((message) => isJsonObject(message) && seen?.has(message));
    return last === -1 ? null : last + 1;
  }

  forget(session: Session): void {
    this.#known.delete(session);
  }
}
