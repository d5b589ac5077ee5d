// The log of a Worker has the shape of the Node server's.

import { expect, it } from "vitest";
import { createLog } from "../../src/runtimes/worker/log.ts";

function world(level: Parameters<typeof createLog>[0]) {
  const lines: [string, Record<string, unknown>][] = [];
  const write = (to: string) => (line: string) => void lines.push([to, JSON.parse(line) as Record<string, unknown>]);
  const log = createLog(level, { log: write("log"), warn: write("warn"), error: write("error") }, () => Date.UTC(2026, 0, 15));
  return { lines, log };
}

it("an entry is one JSON line with level, time and message", () => {
  const { lines, log } = world("info");
  log.info({ job: "sweep" }, "job done");
  log.warn({}, "careful");
  expect(lines).toEqual([
    ["log", { level: 30, time: "2026-01-15T00:00:00.000Z", job: "sweep", msg: "job done" }],
    ["warn", { level: 40, time: "2026-01-15T00:00:00.000Z", msg: "careful" }],
  ]);
});

it("what is below its level is not written", () => {
  const { lines, log } = world("warn");
  log.debug({}, "a");
  log.info({}, "b");
  log.error({}, "c");
  expect(lines.map(([, { msg }]) => msg)).toEqual(["c"]);
  const silent = world("silent");
  silent.log.error({}, "d");
  expect(silent.lines).toEqual([]);
});

it("an error is told with its class, code, message, stack and cause", () => {
  const { lines, log } = world("info");
  const error = Object.assign(new TypeError("no", { cause: new Error("why") }), { code: "E_NO" });
  log.error({ err: error }, "failed");
  expect(lines[0]![1]["err"]).toMatchObject({
    type: "TypeError",
    code: "E_NO",
    message: "no",
    stack: expect.stringContaining("TypeError: no"),
    cause: { message: "why" },
  });
});

it("facts that cannot be written down do not lose the entry", () => {
  const { lines, log } = world("info");
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.info({ circle }, "round");
  log.info({ big: 7n }, "big");
  expect(lines.map(([, { msg, big }]) => [msg, big])).toEqual([
    ["round", undefined],
    ["big", "7"],
  ]);
});
