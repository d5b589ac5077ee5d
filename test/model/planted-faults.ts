// Rules broken on purpose, each by a wrapper over the ports: what the model-based test must find, or it proves nothing.

import type { Whole } from "../../src/core/head.ts";
import type { Change, Committed, OutboxItem } from "../../src/core/hot-store.ts";
import type { RecordedEvent } from "../../src/core/directory.ts";
import type { Intercept, PortCall } from "./intercept.ts";

/** A rule that is broken from the first call of a run on. */
export interface PlantedFault {
  name: string;
  plant: () => Intercept;
}

type Handlers = { [call: string]: (call: PortCall) => Promise<unknown> };

/** Breaks these calls, named `port.method`, and leaves the others alone. */
function breaking(name: string, handlers: () => Handlers): PlantedFault {
  return {
    name,
    plant() {
      const broken = handlers();
      return (call) => broken[`${call.port}.${call.method}`]?.(call) ?? call.proceed();
    },
  };
}

/** Commits with a change that is not the one that was asked for. */
function changing(name: string, alter: (change: Change) => Change): PlantedFault {
  return breaking(name, () => ({ "hot.commit": ({ args: [id, change], proceed }) => proceed(id, alter(change as Change)) }));
}

/** Answers something else than what the store did. */
function answering(name: string, calls: readonly string[], alter: (answer: unknown, args: readonly unknown[]) => unknown): PlantedFault {
  const handler = async ({ args, proceed }: PortCall) => alter(await proceed(), args);
  return breaking(name, () => Object.fromEntries(calls.map((call) => [call, handler])));
}

function without<T extends object, K extends keyof T>(whole: T, ...keys: K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}

/** An append that is acknowledged and not stored. */
function dropAppends(): Handlers {
  let count = 0;
  return {
    async "hot.commit"({ args, proceed }) {
      const [id, change] = args as [string, Change];
      count += change.append ? 1 : 0;
      if (!change.append || count % 5 !== 0) return proceed();
      const done = (await proceed(id, without(change, "append", "once"))) as Committed;
      if (done.outcome !== "done") return done;
      const before = done.head.lastSeq;
      const placed = change.append.map((_, i) => ({ seq: before + i + 1, storedAt: change.now }));
      return { ...done, placed, head: { ...done.head, lastSeq: before + placed.length } };
    },
  };
}

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  breaking("every fifth append is acknowledged and not stored", dropAppends),
  changing("of several messages the last is lost", (change) =>
    (change.append?.length ?? 0) > 1 ? { ...change, append: change.append!.slice(0, -1) } : change,
  ),
  changing("the expiry may move back", (change) =>
    change.touch?.expiresAt
      ? { ...change, touch: { ...change.touch, capMs: Math.min(change.touch.expiresAt - change.now, change.touch.capMs ?? Infinity) } }
      : change,
  ),
  changing("idempotency entries of appends are forgotten", (change) => without(change, "once") as Change),
  changing("a message is doubled when it is sent again", (change) => {
    if (!change.append) return change;
    const append = change.append.map((message, i) => ({ ...message, key: `r:${change.now}.${i}.${message.body.length}`, digest: null }));
    return { ...change, append };
  }),
  changing("the expected version is not looked at", (change) =>
    change.require ? { ...change, require: without(change.require, "version") } : change,
  ),
  changing("a wiping only archives", (change) => (change.step?.to === "archived" ? (without(change, "wipe") as Change) : change)),
  changing("the last activity does not move", (change) => without(change, "activity") as Change),
  changing("a legal hold is not stored", (change) => without(change, "hold") as Change),
  changing("an active conversation stays completed", (change) =>
    change.step?.to === "active" && change.step.from.includes("completed") ? (without(change, "step") as Change) : change,
  ),
  changing("people are not noted", (change) => without(change, "subjects") as Change),
  breaking("a claimed ID is claimed again", () => ({
    async "records.put"({ args, proceed }) {
      const [kind, key, value, options] = args;
      return kind === "claim" ? proceed(kind, key, value, without(options as { ifVersion?: number }, "ifVersion")) : proceed();
    },
  })),
  breaking("an event is lost on its way", () => ({
    async "hot.outbox"({ proceed }) {
      const items = (await proceed()) as OutboxItem[];
      return items.map((item) => (item.event?.type === "reactivated" ? { ...item, event: null } : item));
    },
  })),
  breaking("events are kept twice", () => ({
    async "directory.record"({ args: [events], proceed }) {
      return proceed([...(events as RecordedEvent[]), ...(events as RecordedEvent[]).map((event) => ({ ...event, n: `${event.n}+` }))]);
    },
  })),
  breaking("the archive keeps all but the last message", () => ({
    async "archive.put"({ args: [whole, options], proceed }) {
      const { head, messages } = whole as Whole;
      return proceed({ head, messages: messages.slice(0, -1) }, options);
    },
  })),
  breaking("what is over is said to be in the archive, and is not", () => {
    const said = new Map<string, Whole>();
    return {
      async "archive.put"({ args: [whole] }) {
        said.set((whole as Whole).head.id, whole as Whole);
        return "stored";
      },
      async "archive.read"({ args: [id, window], proceed }) {
        return (await proceed()) ?? (window === 0 ? (said.get(id as string) ?? null) : null);
      },
    };
  }),
  answering("a window lacks what was just added", ["hot.commit"], (answer) => {
    const done = answer as Committed;
    return done.outcome === "done" && done.placed.length > 0 ? { ...done, window: done.window.slice(0, -1) } : done;
  }),
  answering("an erased conversation reads as an unknown one", ["hot.read", "archive.read"], (answer) =>
    (answer as Whole | null)?.head.status === "deleted" ? null : answer,
  ),
  answering("what is completed never expires", ["hot.take"], (answer, [what]) =>
    what === "expire" ? (answer as { status: string }[]).filter(({ status }) => status !== "completed") : answer,
  ),
  answering("of a long transcript the first message is not read", ["hot.read"], (answer) => {
    const whole = answer as Whole | null;
    return whole && whole.messages.length > 6 ? { ...whole, messages: whole.messages.slice(1) } : whole;
  }),
  breaking("pages of messages include their bound", () => ({
    async "hot.messages"({ args: [id, page], proceed }) {
      const { after } = page as { after?: number };
      return after === undefined ? proceed() : proceed(id, { ...(page as object), after: after - 1 });
    },
  })),
  breaking("lists do not look at the source", () => ({
    "directory.list": ({ args: [query], proceed }) => proceed(without(query as { source?: string }, "source")),
  })),
  breaking("what was cut is still found by its words", () => ({
    async "hot.outbox"({ proceed }) {
      return ((await proceed()) as OutboxItem[]).map((item) => without(item, "cut"));
    },
  })),
  breaking("events are forgotten a month too early", () => ({
    "directory.forgetEvents": ({ args: [before, limit], proceed }) => proceed((before as number) + 30 * 86_400_000, limit),
  })),
  breaking("a purge does not look at legal holds", () => ({
    async "archive.put"({ args: [whole, options], proceed }) {
      const { head, messages } = whole as Whole;
      return proceed({ head: { ...head, hold: false }, messages }, options);
    },
  })),
];
