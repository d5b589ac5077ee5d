/** Watches this machine's clock: after a jump nothing is archived or purged by a time that may be wrong. */
import type { Records } from "../core/records.ts";

/** Why the clock is not trusted: it jumped while the server ran, or the last heartbeat is far from it. */
export interface ClockMark {
  readonly reason: "jump" | "absence";
  /** By the clock afterwards, epoch milliseconds. */
  readonly at: number;
  /** How far it went; negative: back. */
  readonly byMs: number;
}

/** What a clock watch works with. `clock` and `monotonic` in milliseconds. */
export interface ClockWatchOptions {
  /** Null: what is not confirmed is forgotten when the process ends. */
  readonly records: Records | null;
  readonly clock?: () => number;
  /** Runs on evenly, whatever happens to the clock. */
  readonly monotonic?: () => number;
  readonly onMark?: (mark: ClockMark) => void;
}

/** The watch of one server. */
export interface ClockWatch {
  /** Compares the clocks, and writes the heartbeat once a minute. Throws `StoreUnavailableError`; what it found is kept all the same. */
  readonly look: () => Promise<void>;
  /** Whether the sweep waits: for 15 minutes after a jump, and until the first look. */
  readonly sweepPaused: () => boolean;
  /** Whether purging waits for an operator. */
  readonly purgePaused: () => Promise<boolean>;
}

const MINUTE = 60_000;
const JUMP_MS = 5 * MINUTE;
const STEADY_MS = 15 * MINUTE;
const ABSENCE_MS = 30 * 24 * 60 * MINUTE;

const KIND = "job";
const MARK = "clock";
const HEARTBEAT = "heartbeat";

/** What an operator has still to confirm; null: nothing. */
export async function clockMark(records: Records): Promise<ClockMark | null> {
  return ((await records.get(KIND, MARK))?.value ?? null) as ClockMark | null;
}

/** An operator has looked at the clock, and it is right. Answers what was waiting for that; null: nothing was. */
export async function confirmClock(records: Records, clock: () => number = Date.now): Promise<ClockMark | null> {
  const mark = await clockMark(records);
  // A server that starts next measures from here.
  await records.put(KIND, HEARTBEAT, { at: clock() });
  await records.remove(KIND, MARK);
  return mark;
}

/** Begins to watch; the first `look` compares with the last heartbeat. */
export function createClockWatch(options: ClockWatchOptions): ClockWatch {
  const { records, clock = Date.now, monotonic = () => performance.now(), onMark = () => {} } = options;
  /** Clock minus monotonic, and when that was measured, on the monotonic one. */
  let base = { offset: clock() - monotonic(), at: monotonic() };
  let unsteadySince: number | null = null;
  let started = false;
  let beatAt = -Infinity;
  /** What is not in the records yet. */
  let unwritten: ClockMark | null = null;
  let unconfirmed = false;
  let looking: Promise<void> | null = null;

  function mark(reason: ClockMark["reason"], byMs: number): void {
    unsteadySince = monotonic();
    unwritten = { reason, at: clock(), byMs: Math.round(byMs) };
    unconfirmed = true;
    onMark(unwritten);
  }

  function compare(): void {
    const now = monotonic();
    const offset = clock() - now;
    const byMs = offset - base.offset;
    const jumped = Math.abs(byMs) > JUMP_MS;
    // What a time service corrects little by little adds up to no jump.
    if (jumped || now - base.at >= STEADY_MS) base = { offset, at: now };
    if (jumped) mark("jump", byMs);
  }

  async function start(): Promise<void> {
    if (records) {
      const beat = (await records.get(KIND, HEARTBEAT))?.value as { at?: unknown } | undefined;
      const waiting = await clockMark(records);
      const byMs = typeof beat?.at === "number" ? clock() - beat.at : 0;
      if (Math.abs(byMs) > ABSENCE_MS) mark("absence", byMs);
      // How long the clock has been steady since then, nobody knows.
      else if (waiting) unsteadySince = monotonic();
    }
    started = true;
  }

  async function once(): Promise<void> {
    compare();
    if (!started) await start();
    if (!records) return;
    if (unwritten) {
      const writing = unwritten;
      await records.put(KIND, MARK, { ...writing });
      if (unwritten === writing) unwritten = null;
    }
    if (monotonic() - beatAt < MINUTE) return;
    // The mark comes first: a heartbeat of a wrong time must not hide it.
    await records.put(KIND, HEARTBEAT, { at: clock() });
    beatAt = monotonic();
  }

  return {
    look: () => (looking ??= once().finally(() => (looking = null))),
    sweepPaused: () => !started || (unsteadySince !== null && monotonic() - unsteadySince < STEADY_MS),
    async purgePaused() {
      if (!started || unwritten) return true;
      return records ? (await clockMark(records)) !== null : unconfirmed;
    },
  };
}
