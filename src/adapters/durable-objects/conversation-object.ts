/**
 * What the object of one conversation does: reads and commits, each one call and one step; and its alarm, in which it sweeps itself.
 * The class that the platform knows is a shell around this one (`runtimes/worker`).
 */
import type { Change, HotStore } from "../../core/hot-store.ts";
import type { ConversationManager } from "../../core/manager.ts";
import type { MessagePage } from "../../core/store.ts";
import { ObjectAlarm } from "./alarm.ts";
import { ObjectDatabase } from "./database.ts";
import { dueNow, nextDue } from "./due.ts";
import type { DurableObjectStateLike } from "./durable-object-state.ts";
import { readHead } from "./head-row.ts";
import { Leases } from "./leases.ts";
import { firstOnceEnd } from "./once.ts";
import { outboxState } from "./outbox.ts";
import { ownHotStore, type Written } from "./own-store.ts";
import { unpackMessages, type PackedMessages } from "./packed-messages.ts";
import {
  packCommitted,
  packPage,
  packWhole,
  replyOf,
  type ConversationObjectLike,
  type PackedCommitted,
  type PackedWhole,
  type Reply,
} from "./replies.ts";
import { RatesObject } from "./rates-object.ts";
import { RecordsObject } from "./records-object.ts";
import type { Creation } from "./writes.ts";

/** What an object is told by its runtime. */
export interface ConversationObjectOptions {
  /**
   * Makes the manager with which the alarm works: over this hot store, which holds the object's own conversation alone, and over the archive
   * and the directory that all conversations share. It is closed when the alarm is done.
   */
  manager: (hot: HotStore) => ConversationManager | Promise<ConversationManager>;
  /** Epoch milliseconds; `Date.now` by default. */
  clock?: () => number;
  /** So long after a change it is passed on, together with what came meanwhile. Default 1,000. */
  deliverAfterMs?: number;
  /** Told of failures in the alarm; they are tried again. */
  onError?: (error: unknown, during: string) => void;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FORGET_AT_ONCE = 1000;

/** Most outages are short, and what was said meanwhile is to be in lists soon after; milliseconds. */
const FIRST_GAPS = [1000, 2000, 5000, 10_000, 20_000, 40_000];

/** When an alarm that has failed so often in a row is tried again. The platform itself gives up after six times, so the object does it. */
function gapAfter(failures: number): number {
  return FIRST_GAPS[failures - 1] ?? Math.min(HOUR, MINUTE * 2 ** Math.min(failures - FIRST_GAPS.length, 10));
}

/**
 * The body of the class that is bound as a Durable Object with SQLite. The object's name is the ID of its conversation, or one of the service's own
 * (`service-names.ts`); then it is asked for `records` or `rates` alone.
 */
export class ConversationObjectCore implements ConversationObjectLike {
  readonly #database: ObjectDatabase;
  readonly #alarm: ObjectAlarm;
  readonly #leases = new Leases();
  /** The object's own conversation as a hot store. */
  readonly own: HotStore;
  /** What it does as an object of records. */
  readonly records: RecordsObject;
  /** What it does as an object that counts requests. */
  readonly rates: RatesObject;
  readonly #options: ConversationObjectOptions;
  readonly #clock: () => number;
  /** How many alarms in a row have left something undone. */
  #failures = 0;

  constructor(state: DurableObjectStateLike, options: ConversationObjectOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => Date.now());
    this.#database = new ObjectDatabase(state);
    this.#alarm = new ObjectAlarm(state.storage);
    this.records = new RecordsObject(state.storage, this.#alarm, this.#clock);
    this.rates = new RatesObject(this.#clock);
    if (this.#database.made) this.#failures = Number(this.#database.value("failures") ?? 0);
    this.own = ownHotStore({
      database: this.#database,
      leases: this.#leases,
      clock: this.#clock,
      wrote: (written) => this.#wrote(written),
    });
    void state.blockConcurrencyWhile(async () => {
      await this.#alarm.load();
      // An object that holds something is never without an alarm, whatever has happened to the last one.
      if (this.#alarm.at === null && this.#database.used) await this.#alarm.set(this.#clock() + this.#deliverAfterMs);
    });
  }

  get #deliverAfterMs(): number {
    return this.#options.deliverAfterMs ?? 1000;
  }

  read(id: string, window: number): Promise<Reply<PackedWhole | null>> {
    return replyOf(async () => {
      const whole = await this.own.read(id, window);
      return whole && packWhole(whole);
    });
  }

  messages(id: string, page: MessagePage): Promise<Reply<PackedMessages | null>> {
    return replyOf(async () => packPage(await this.own.messages(id, page)));
  }

  create({ head, messages }: PackedWhole, options: Creation): Promise<Reply<PackedCommitted>> {
    return replyOf(async () => packCommitted(await this.own.create({ head, messages: unpackMessages(messages) }, options)));
  }

  commit(id: string, change: Change, append?: PackedMessages): Promise<Reply<PackedCommitted>> {
    const whole = append ? { ...change, append: unpackMessages(append) } : change;
    return replyOf(async () => packCommitted(await this.own.commit(id, whole)));
  }

  remove(id: string, ifVersion: number): Promise<Reply<boolean>> {
    return replyOf(async () => {
      const removed = await this.own.remove(id, ifVersion);
      if (removed && !(await this.#emptied())) await this.#alarm.atLatest(this.#clock() + this.#deliverAfterMs);
      return removed;
    });
  }

  async now(): Promise<number> {
    return this.#clock();
  }

  /**
   * Everything that is due: the warning before expiry, expiry, what the outbox holds, ended idempotency entries, and, when the archive has the
   * conversation and its time here is over, emptying the object. Never throws; what fails is tried again. In an object of records: what has ended.
   */
  async alarm(): Promise<void> {
    this.#alarm.forget();
    if (!this.#database.made) return this.records.forgetEnded();
    // Whatever happens from here on, it goes off again.
    await this.#alarm.set(this.#clock() + Math.max(MINUTE, gapAfter(this.#failures)));
    let stayMs: number | null = null;
    let wasDue: string[] = [];
    try {
      const manager = await this.#options.manager(this.own);
      try {
        const { reactivationMs, onceMs } = manager.settings;
        if (manager.stores.archive) stayMs = Math.max(reactivationMs, onceMs);
        while ((await this.own.forgetOnce(this.#clock(), FORGET_AT_ONCE)) === FORGET_AT_ONCE);
        const head = readHead(this.#database);
        wasDue = head ? dueNow(head, stayMs, this.#clock()) : [];
        await manager.sweep();
      } finally {
        await manager.close();
      }
      if (!(await this.#emptied())) await this.#rearm(stayMs, wasDue);
    } catch (error) {
      this.#leases.clear();
      this.#options.onError?.(error, "alarm");
      await this.#noteFailures(this.#failures + 1);
    }
  }

  /** Sets the alarm for what a commit has made due; where it is set for before, nothing is written. */
  #wrote({ head, passesOn, until }: Written): void {
    const times = [nextDue(head, null), until];
    // While the archive or the directory is away, the alarm keeps to its gaps.
    if (passesOn && this.#failures === 0) times.push(this.#clock() + this.#deliverAfterMs);
    const known = times.filter((time) => time !== null);
    // Nothing that an object answers leaves it before its writes are stored, so nobody need wait here.
    if (known.length > 0) void this.#alarm.atLatest(Math.min(...known));
  }

  /** Drops everything if nothing is left to keep and nothing to pass on. */
  async #emptied(): Promise<boolean> {
    if (this.#database.used) return false;
    this.#leases.clear();
    this.#alarm.forget();
    this.#failures = 0;
    await this.#database.drop();
    return true;
  }

  /** After an alarm: the next one. `wasDue`: what it had to do; what came due meanwhile is not its failure. */
  async #rearm(stayMs: number | null, wasDue: readonly string[]): Promise<void> {
    const database = this.#database;
    const now = this.#clock();
    const head = readHead(database);
    const due = head && nextDue(head, stayMs);
    const { free, leased } = outboxState(database, this.#leases, head?.version ?? null, now);
    // Nobody else is at work in the object, so the next alarm may try everything again.
    this.#leases.clear();
    const failed = leased || (head !== null && dueNow(head, stayMs, now).some((name) => wasDue.includes(name)));
    await this.#noteFailures(failed ? this.#failures + 1 : 0);
    const soon = now + this.#deliverAfterMs;
    const nextTurn = due === null ? null : Math.max(due, soon);
    const times = [failed ? now + gapAfter(this.#failures) : nextTurn, firstOnceEnd(database), free ? soon : null];
    const known = times.filter((time) => time !== null);
    if (known.length > 0) await this.#alarm.set(Math.min(...known));
    else await this.#alarm.clear();
  }

  async #noteFailures(failures: number): Promise<void> {
    const changed = failures !== this.#failures;
    this.#failures = failures;
    if (changed && this.#database.made) this.#database.setValue("failures", String(failures));
    if (failures > 0) await this.#alarm.set(this.#clock() + gapAfter(failures));
  }
}
