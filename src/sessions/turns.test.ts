// Turns: one after the other on one key, whatever becomes of them; nothing is kept afterwards.

import { expect, it } from "vitest";
import { createTurns } from "./turns.ts";

it("work on one key is done in order, also after work that fails; other keys do not wait", async () => {
  const inTurn = createTurns();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn("a", async () => {
    await gate.promise;
    done.push("first");
    throw new Error("failed");
  });
  const second = inTurn("a", async () => done.push("second"));
  await inTurn("b", async () => done.push("other key"));
  gate.resolve();
  await expect(first).rejects.toThrow("failed");
  await second;
  expect(done).toEqual(["other key", "first", "second"]);
  expect(await inTurn("a", async () => "answer")).toBe("answer");
});
