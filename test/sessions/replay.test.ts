// Real chats, said again through sessions: in one tab and in two that race, everything is there afterwards, as often as it
// was said. `CHATS_FILE` names another file of chats, one JSON object a line.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Message } from "../../src/core/conversation.ts";
import type { Session } from "../../src/sessions/index.ts";
import { sessionsOnEveryStore, type Sessions } from "./session-world.ts";

interface Chat {
  ref?: string;
  messages: Message[];
}

const FILE = process.env["CHATS_FILE"] ?? fileURLToPath(new URL("../../examples/sample-chats.ndjson", import.meta.url));
const CHATS = readFileSync(FILE, "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => JSON.parse(line) as Chat);

/** How often each text is there, whatever the order. */
function counted(messages: readonly Message[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { role, content } of messages) {
    const text = JSON.stringify([role, content]);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

/** Says the messages, one a turn, in a tab that keeps its object or loads it at every turn. */
async function say(sessions: Sessions, loaded: Session, messages: readonly Message[], keepsObject: boolean): Promise<void> {
  const store = sessions.open();
  let session = keepsObject ? await store.getOrCreate(loaded.id) : null;
  for (const message of messages) {
    const turn = session ?? (await store.getOrCreate(loaded.id));
    turn.messages.push(message);
    turn.step = `after ${turn.messages.length}`;
    await store.save(turn);
    if (keepsObject) session = turn;
  }
}

sessionsOnEveryStore(`${CHATS.length} chats`, (open) => {
  it("in one tab come back equal, in order", async () => {
    const sessions = await open();
    let messages = 0;
    for (const [i, chat] of CHATS.entries()) {
      const begun = await sessions.open().getOrCreate();
      await say(sessions, begun, chat.messages, i % 2 === 0);
      expect((await sessions.read(begun.id)).messages, `line ${i + 1}`).toEqual(chat.messages);
      messages += chat.messages.length;
    }
    expect(messages).toBeGreaterThan(0);
    expect(sessions.survived).toEqual([]);
  });

  it.each([
    ["that keep their objects", [true, true]],
    ["that load at every turn", [false, false]],
    ["of which one keeps its object", [true, false]],
  ] as const)("in two tabs %s, and that race, every text is there as often as it was said", async (_, keeps) => {
    const sessions = await open();
    for (const [i, chat] of CHATS.entries()) {
      const begun = await sessions.open().getOrCreate();
      const half = (rest: number) => chat.messages.filter((__, n) => n % 2 === rest);
      await Promise.all([say(sessions, begun, half(0), keeps[0]), say(sessions, begun, half(1), keeps[1])]);
      const stored = (await sessions.read(begun.id)).messages;
      expect(counted(stored), `line ${i + 1}`).toEqual(counted(chat.messages));
    }
    expect(sessions.survived).toEqual([]);
  });
});
