// Everything that the model knows: the conversations, the keys under which some were made, and how far the directory has followed.

import type { JsonObject } from "../../src/core/json.ts";
import type { Line, Rules } from "./command.ts";
import { born, changed, copy, DAY, HOUR, iso, say, type ModelConversation, type ModelEvent, type Moment } from "./model-conversation.ts";

/** What a key of creation stands for. */
export interface CreateEntry {
  content: unknown;
  until: number;
  id: string;
  answer: JsonObject;
  count: number;
}

/** Retention, as in the tests' managers: whole years, and days for events. */
export const RETENTION_YEARS = 7;
export const EVENT_DAYS = 90;

export class World {
  readonly rules: Rules;
  now = Date.parse("2025-01-25T14:30:52.123Z");
  readonly conversations = new Map<string, ModelConversation>();
  /** Every ID that was ever given, in the order in which it was. */
  readonly ids: string[] = [];
  readonly createKeys = new Map<string, CreateEntry>();
  /** IDs of imported lines without one. */
  readonly identities = new Map<string, string>();
  /** What was purged, as it was. */
  readonly purged: ModelConversation[] = [];
  /** Entries that a purge which failed may have left in the directory. */
  readonly ghosts = new Set<string>();
  /** Events of purged conversations; they are kept on. */
  readonly oldEvents = new Map<string, ModelEvent[]>();
  /** A fault was planted in this run; and until when leases that it left may keep work waiting. */
  faulted = false;
  unsureUntil = -Infinity;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  get moment(): Moment {
    return { now: this.now, rules: this.rules };
  }

  add(c: ModelConversation): void {
    if (!this.ids.includes(c.id)) this.ids.push(c.id);
    this.conversations.set(c.id, c);
  }

  /** The ID of the newest conversation but `on`; null: there is none. */
  idAt(on: number): string | null {
    return this.ids.length === 0 ? null : this.ids[this.ids.length - 1 - (on % this.ids.length)]!;
  }

  /** Something failed: leases of up to a minute may be left behind. */
  fault(): void {
    this.faulted = true;
    this.unsureUntil = this.now + 61_000;
  }

  get isSure(): boolean {
    return this.now >= this.unsureUntil;
  }

  /** The outbox was passed on to the end; what failed lately may still wait. */
  delivered(toTheEnd: boolean): void {
    for (const c of this.conversations.values()) {
      if (toTheEnd && this.isSure) c.indexed = c.version;
      for (const event of c.events) {
        if (toTheEnd && this.isSure) event.delivered = "yes";
        else if (event.delivered === "no") event.delivered = "perhaps";
      }
    }
  }

  /** An instant so many whole years ago; 29 February counts as the 28th. */
  retentionEnd(): number {
    const date = new Date(this.now);
    const [year, month, day] = [date.getUTCFullYear() - RETENTION_YEARS, date.getUTCMonth(), date.getUTCDate()];
    const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    return Date.UTC(year, month, Math.min(day, last)) + (this.now % DAY);
  }

  /** Whether a purge takes it. */
  isPast(c: ModelConversation): boolean {
    return (c.status === "archived" || c.status === "completed") && c.lastActivity < this.retentionEnd();
  }

  purge(c: ModelConversation): void {
    this.conversations.delete(c.id);
    this.purged.push(c);
    this.oldEvents.set(c.id, c.events);
  }

  /** Events are kept for a while; those that were not passed on yet may come afterwards. */
  forgetEvents(toTheEnd: boolean): void {
    const before = this.now - EVENT_DAYS * DAY;
    for (const c of this.conversations.values()) {
      if (toTheEnd) c.events = c.events.filter((event) => Math.max(...event.at) >= before || event.delivered !== "yes");
      for (const event of c.events) if (Math.min(...event.at) < before) event.sure = false;
    }
  }
}

/** A conversation as it is after its creation. */
export function created(id: string, metadata: JsonObject, messages: readonly JsonObject[], moment: Moment): ModelConversation {
  const c = born(id, moment.now, metadata, messages, moment);
  say(c, "created", moment.now, { source: c.source });
  return c;
}

/** A conversation as it is after its import. */
export function imported(id: string, content: LineContent, line: Line, active: boolean, moment: Moment): ModelConversation {
  const { now, rules } = moment;
  const c = born(id, content.created, content.metadata, content.messages, moment);
  const reason = line.archiveReason ?? "imported";
  const { times, completedAt, archivedAt } = content;
  c.messages = c.messages.map(({ body }, i) => ({ body, storedAt: times?.[i] ?? content.created }));
  c.lastActivity = Math.max(content.created, times?.at(-1) ?? 0);
  c.completedAt = completedAt;
  say(c, "created", content.created, { source: c.source });
  if (active) {
    c.expiresAt = now + Math.min(2 * rules.ttlHours, rules.maxExtensionHours) * HOUR;
  } else {
    Object.assign(c, { status: "archived", archivedAt: archivedAt ?? now, archiveReason: reason, expiresAt: null, copied: true });
    say(c, "archived", archivedAt ?? now, { reason });
  }
  c.version = 0;
  changed(c);
  return copy(c);
}

/** What a line says. */
export interface LineContent {
  metadata: JsonObject;
  messages: JsonObject[];
  created: number;
  times: number[] | null;
  completedAt: number | null;
  archivedAt: number | null;
}

/** The time that an ID carries. */
export function timeOf(id: string): number {
  const [, date = "", time = ""] = id.split("_");
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)];
  return Date.parse(`${year}-${month}-${day}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`);
}

/** The UTC day of an instant. */
export function dayOf(at: number): string {
  return iso(at).slice(0, 10);
}
