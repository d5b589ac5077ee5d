import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createTurns } from "./turns.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("work on one key is done one after another, in the order in which it came, also when some of it fails", async () => {
  const turns = createTurns();
  const log: string[] = [];
  const work = (name: string, ms: number) =>
    turns("key", async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      log.push(`${name} ends`);
      if (name === "b") throw new Error("b failed");
      return name;
    });
  const all = Promise.allSettled([work("a", 3000), work("b", 10), work("c", 1500)]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await all).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("work on different keys does not wait for each other", async () => {
  const turns = createTurns();
  void turns("a", () => new Promise(() => {}));
  expect(await turns("b", async () => "done")).toBe("done");
});

it("work that never ends is waited for half a minute, and those who waited follow one another", async () => {
  const turns = createTurns();
  const log: string[] = [];
  void turns("key", () => new Promise(() => {}));
  const others = ["b", "c"].map((name) =>
    turns("key", async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      log.push(`${name} ends`);
    }),
  );
  await vi.advanceTimersByTimeAsync(29_000);
  expect(log).toEqual([]);
  await vi.advanceTimersByTimeAsync(20_000);
  await Promise.all(others);
  expect(log).toEqual(["b begins", "b ends", "c begins", "c ends"]);
});

it("who waits for long because many are before it overtakes nobody", async () => {
  const turns = createTurns();
  const order: number[] = [];
  const all = Array.from({ length: 10 }, (_, i) =>
    turns("key", async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      order.push(i);
    }),
  );
  await vi.advanceTimersByTimeAsync(210_000);
  await Promise.all(all);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
