// A run in progress: the manager under test beside the model, the clock of both, and a trace to print when they disagree.

import { originOf } from "../../src/core/conversation.ts";
import { ConversationError } from "../../src/core/errors.ts";
import { createIdGenerator, type RandomSource } from "../../src/core/id.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { Stores } from "../../src/core/stores.ts";
import type { Expected, Fault, Run, Target } from "./command.ts";
import { difference } from "./difference.ts";
import { Faults } from "./faults.ts";
import { interceptStores, type Intercept } from "./intercept.ts";
import { BACKUP_DAYS, copy, expiredFirst, iso, view, type ModelConversation } from "./model-conversation.ts";
import { EVENT_DAYS, RETENTION_YEARS, type World } from "./model-world.ts";
import { wantedVersion, type Answer, type Possible, type Wanted } from "./possible.ts";
import type { OpenStores } from "./stores-under-test.ts";

/** What a call came to: a value, or the code of its error. */
export type Outcome = { value: unknown } | { error: string };

/** A well-formed ID that no run ever gives to a conversation. */
const UNKNOWN_ID = "ITERA_20250101_000000_NEVERNEVER00_P";

/** Bytes that look random and are the same in every run. */
function repeatableRandom(): RandomSource {
  let state = 0x9e3779b9;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state & 0xff;
    }
  };
}

/** A disagreement between the manager and the model. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

/** What a request with an idempotency key was, to be sent again. */
export type Resend = (fault: Fault | undefined) => Promise<void>;

export class Session {
  readonly world: World;
  readonly together: boolean;
  readonly resends: Resend[] = [];
  readonly trace: string[] = [];
  /** Errors of the work that the manager does beside the answer. */
  readonly asides: string[] = [];
  manager!: ConversationManager;
  stores!: Stores;
  readonly #opened: OpenStores;
  readonly #faults = new Faults();
  readonly #random = repeatableRandom();
  readonly #breakage: Intercept | undefined;

  constructor(run: Run, opened: OpenStores, world: World, together: boolean, breakage?: Intercept) {
    this.world = world;
    this.together = together;
    this.#opened = opened;
    this.#breakage = breakage;
    this.#use(opened.stores, run);
  }

  #use(stores: Stores, { rules }: { rules: Run["rules"] }): void {
    this.stores = this.#breakage ? interceptStores(stores, this.#breakage) : stores;
    const clock = () => this.world.now;
    this.manager = new ConversationManager(interceptStores(this.stores, this.#faults.intercept), {
      environment: "P",
      ids: createIdGenerator({ clock, random: this.#random }),
      ttlHours: rules.ttlHours,
      maxExtensionHours: rules.maxExtensionHours,
      retentionYears: RETENTION_YEARS,
      eventRetentionDays: EVENT_DAYS,
      backupRetentionDays: BACKUP_DAYS,
      limits: { conversationMessages: rules.conversationMessages },
      clock,
      random: this.#random,
      sleep: async () => {},
      onError: (error, during) => {
        if (!(error instanceof ConversationError)) throw error;
        this.asides.push(during);
      },
    });
  }

  /** As if the server had been stopped and started. */
  async restart(): Promise<void> {
    this.#use(await this.#opened.reopen(), { rules: this.world.rules });
  }

  note(line: string): void {
    this.trace.push(line);
  }

  fail(what: string): never {
    throw new Disagreement(what);
  }

  /** Calls the manager, with a fault if one is given. Errors that are not the package's own are failures of the test. */
  async attempt(call: () => Promise<unknown>, fault?: Fault): Promise<{ outcome: Outcome; fired: boolean }> {
    this.#faults.arm(fault);
    let outcome: Outcome;
    try {
      outcome = { value: await call() };
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      outcome = { error: error.code };
    }
    const fired = this.#faults.disarm();
    this.note(
      `   → ${"error" in outcome ? outcome.error : (JSON.stringify(outcome.value)?.slice(0, 300) ?? "undefined")}${fired ? ` (failed ${fired})` : ""}`,
    );
    if (fired !== null) this.world.fault();
    return { outcome, fired: fired !== null };
  }

  /** The ID that a command means, and what the model knows of it. */
  target(on: Target): { id: string; conversation: ModelConversation | null; malformed: boolean } {
    if (on === "malformed") return { id: "ITERA_20250230_000000_AAAAAAAAAAAA_P", conversation: null, malformed: true };
    const id = (on === "unknown" ? null : this.world.idAt(on)) ?? UNKNOWN_ID;
    return { id, conversation: this.world.conversations.get(id) ?? null, malformed: false };
  }

  /**
   * Does a command on a conversation and finds which of the possible answers and states came of it. Under a fault the
   * answer may be missing; with `again` the client then sends the same once more, and has it done once.
   */
  async judge(
    id: string,
    possibles: readonly Possible[],
    call: () => Promise<unknown>,
    { fault, again = false, atFault = [] }: { fault?: Fault | undefined; again?: boolean; atFault?: readonly Possible[] } = {},
  ): Promise<Outcome> {
    const { world } = this;
    const before = world.conversations.get(id)!;
    let ways = possibles;
    const first = await this.attempt(call, fault);
    const { fired } = first;
    let { outcome } = first;
    if (fired) {
      ways = [...possibles, ...atFault];
      if (again && isUnavailable(outcome)) ({ outcome } = await this.attempt(call));
      else ways = [...ways, ...unanswered([copy(before), ...possibles.map(({ state }) => state), expiredFirst(before, world.now)])];
    }
    const answered = ways.filter(({ answer }) => answerDifference(answer, outcome) === null);
    if (answered.length === 0) this.fail(`${id}: ${ways.map(({ answer }) => answerDifference(answer, outcome)).join("\n  or ")}`);
    const seen = await this.peek(id);
    const chosen = answered.find(({ state }) => stateDifference(state, world.now, seen) === null);
    if (!chosen) this.fail(`${id} afterwards: ${answered.map(({ state }) => stateDifference(state, world.now, seen)).join("\n  or ")}`);
    if (fired && chosen.state.copied) chosen.state.place = "unsure";
    world.conversations.set(id, chosen.state);
    if ("value" in outcome) chosen.learn?.(outcome.value);
    return outcome;
  }

  /** The version to send for what a command says. */
  async wanted(expected: Expected, on: Target): Promise<Wanted> {
    const { id, conversation } = this.target(on);
    const seen = expected === "tag" && conversation ? await this.peek(id) : null;
    const origin = seen && "value" in seen ? originOf(seen.value as object) : undefined;
    return wantedVersion(expected, conversation, origin?.head.incarnation ?? null);
  }

  /** Reads without a side effect and without a fault. */
  async peek(id: string): Promise<Outcome> {
    try {
      return { value: await this.manager.peekConversation(id) };
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      return { error: error.code };
    }
  }

  /** Compares a conversation with the model. */
  async check(c: ModelConversation): Promise<void> {
    const found = stateDifference(c, this.world.now, await this.peek(c.id));
    if (found) this.fail(`${c.id} at ${iso(this.world.now)}: ${found}`);
  }
}

/** Whether the client knows nothing of what became of its request. */
export function isUnavailable(outcome: Outcome): boolean {
  return "error" in outcome && outcome.error === "store_unavailable";
}

function unanswered(states: readonly ModelConversation[]): Possible[] {
  return states.map((state) => ({ state, answer: { errors: ["store_unavailable"] } }));
}

/** What differs between the answer that was expected and the outcome, or null. */
export function answerDifference(answer: Answer, outcome: Outcome): string | null {
  if ("errors" in answer) {
    if ("error" in outcome && answer.errors.includes(outcome.error)) return null;
    return `expected the error ${answer.errors.join(" or ")}, got ${JSON.stringify(outcome).slice(0, 500)}`;
  }
  return "error" in outcome ? `expected an answer, got the error ${outcome.error}` : difference(answer.value, outcome.value);
}

/** What differs between the model's conversation and what a peek has answered, or null. */
export function stateDifference(c: ModelConversation, now: number, seen: Outcome): string | null {
  if (c.status === "deleted") return answerDifference({ errors: ["gone"] }, seen);
  return answerDifference({ value: view(c, now) }, seen);
}
