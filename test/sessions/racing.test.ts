// Any mixture of tabs, processes, outages and lost answers: afterwards everything that was said is stored, as often as it
// was said, in one conversation for each visitor.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { Session, SessionStore } from "../../src/sessions/index.ts";
import { HOUR, MINUTE } from "../manager/worlds.ts";
import { sessionsOnEveryStore, textsIn, user, type Sessions } from "./session-world.ts";

/** Something that happens. `at`: which tab; `how`: whether a process loads and saves, or keeps the object that it has. */
type Step =
  | { do: "turn"; at: number; how: "stateless" | "object"; texts: string[] }
  | { do: "turns at once"; texts: [string, string] }
  | {
      do: "turn that loses its answer" | "turn that the store leaves";
      at: number;
      how: "stateless" | "object";
      text: string;
      writes: number;
    }
  | { do: "load"; at: number }
  | { do: "down" | "up" | "wait" | "sleep" };

const TABS = 3;
const text = fc.constantFrom("sì", "no", "ok");
const at = fc.nat(TABS - 1);
const how = fc.constantFrom("stateless" as const, "object" as const);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("turn" as const), at, how, texts: fc.array(text, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turns at once" as const), texts: fc.tuple(text, text) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("turn that loses its answer" as const, "turn that the store leaves" as const),
      at,
      how,
      text,
      writes: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("load" as const), at }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("down" as const, "up" as const, "wait" as const, "sleep" as const) }) },
);

/** A tab of the visitor: the ID that its browser has, and the process that may keep its object. */
interface Tab {
  id: string;
  readonly process: SessionStore;
  object: Session | null;
}

class Visitor {
  readonly said: string[] = [];
  /** Every ID that a browser was ever given. */
  readonly #given = new Set<string>();
  readonly #sessions: Sessions;
  readonly #tabs: Tab[];

  constructor(sessions: Sessions, id: string) {
    this.#sessions = sessions;
    this.#tabs = Array.from({ length: TABS }, () => ({ id, process: sessions.open(), object: null }));
  }

  async run(next: Step): Promise<void> {
    const sessions = this.#sessions;
    switch (next.do) {
      case "turn":
        return this.#turn(next.at, next.how, next.texts);
      case "turns at once":
        await Promise.all(next.texts.map((each, i) => this.#turn(i, i === 0 ? "object" : "stateless", [each])));
        return;
      case "turn that loses its answer":
      case "turn that the store leaves": {
        const { fault } = sessions;
        let left = next.writes;
        sessions.fault = (call) => {
          if (left < 0 || fault(call)) return "fails";
          if (["create", "commit", "put"].includes(call.method)) left--;
          return left >= 0 ? null : next.do === "turn that loses its answer" ? "loses the answer" : "fails";
        };
        await this.#turn(next.at, next.how, [next.text]);
        sessions.fault = fault;
        return;
      }
      case "load": {
        const tab = this.#tabs[next.at]!;
        tab.object = await tab.process.getOrCreate(tab.id);
        tab.id = tab.object.id;
        return;
      }
      case "down":
        return sessions.down();
      case "up":
        return sessions.up();
      case "wait":
        sessions.clock.pass(7 * MINUTE);
        return;
      case "sleep":
        // Long enough to expire and be archived; what still lay bare would end, too.
        for (const id of await this.end()) for (const tab of this.#tabs) Object.assign(tab, { id, object: null });
        this.#given.clear();
        return sessions.pass(49 * HOUR);
    }
  }

  async #turn(which: number, by: "stateless" | "object", texts: readonly string[]): Promise<void> {
    const tab = this.#tabs[which]!;
    const process = by === "object" ? tab.process : this.#sessions.open();
    const session = by === "object" && tab.object ? tab.object : await process.getOrCreate(tab.id);
    if (by === "object") tab.object = session;
    session.messages.push(...texts.map(user));
    this.said.push(...texts);
    await process.save(session);
    tab.id = session.id;
    this.#given.add(session.id);
  }

  /** The store is back, and every tab comes once more. */
  async end(): Promise<Set<string>> {
    this.#sessions.up();
    const ids = new Set<string>();
    for (const { object, process } of this.#tabs) if (object) await process.save(object);
    for (const { id } of this.#tabs) this.#given.add(id);
    for (const id of this.#given) ids.add((await this.#sessions.open().getOrCreate(id)).id);
    return ids;
  }
}

sessionsOnEveryStore("sessions that race", (open) => {
  it("keep everything once, in one conversation", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 25 }), async (outage, steps) => {
        const sessions = await open();
        if (outage) sessions.down();
        const first = sessions.open();
        const begun = await first.getOrCreate();
        begun.messages.push(user("ciao"));
        await first.save(begun);
        const visitor = new Visitor(sessions, begun.id);
        visitor.said.push("ciao");
        for (const next of steps) await visitor.run(next);
        const ids = await visitor.end();
        expect(ids.size).toBe(1);
        const stored = (await sessions.conversations()).map(({ id, messages }) => [id, ...textsIn(messages)].toSorted());
        expect(stored).toEqual([[...ids, ...visitor.said].toSorted()]);
      }),
      { numRuns: Number(process.env["SESSION_RUNS"] ?? 150) },
    );
  });
});
