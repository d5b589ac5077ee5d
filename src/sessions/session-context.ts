/** What loading and saving work with. */
import type { Conversations } from "../core/conversations.ts";
import type { IdGenerator } from "../core/id.ts";
import type { BareSessions } from "./bare-sessions.ts";
import type { KnownSessions } from "./known-sessions.ts";
import type { Turns } from "./turns.ts";

/** The options of a session store, with their defaults filled in. */
export interface SessionContext {
  manager: Conversations;
  bare: BareSessions | null;
  durationSeconds: number;
  resumeMs: number;
  legacy: RegExp | null;
  source: string;
  recoverySource: string;
  ids: IdGenerator;
  idempotent: boolean;
  clock: () => number;
  /** 16 random characters. */
  randomText: () => string;
  onError: (error: unknown, during: string) => void;
  known: KnownSessions;
  /** By session object, and by bare key. */
  inTurn: Turns;
}
