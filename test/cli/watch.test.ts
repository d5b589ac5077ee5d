import { expect, it } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { headsInHot } from "../../src/cli/heads-to-watch.ts";
import { createWatch, type Watch } from "../../src/cli/watch.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { textOf } from "../../src/core/outbox.ts";

const HOUR = 3_600_000;
const said = (content: string) => ({ role: "user", content });

/** A service whose clock is turned by hand, and somebody who looks at all of its conversations: what is new, in short. */
function watched() {
  const time = { now: Date.parse("2025-01-25T14:30:52Z") };
  const clock = (): number => time.now;
  const manager = new ConversationManager(memoryStores({ clock }), { clock, environment: "D" });
  let watch: Watch | undefined;
  async function look(): Promise<string[]> {
    time.now += 1000;
    watch ??= createWatch(manager);
    const news = await watch.look(headsInHot(manager, {}));
    return news.map((each) => ("event" in each ? `* ${each.event}` : textOf(each.message)));
  }
  return { manager, look, time };
}

it("events are told once, also where they are passed on after the change", async () => {
  const { manager, look } = watched();
  const { id } = await manager.createConversation({ messages: [said("prima")] });
  await manager.deliver();
  expect(await look()).toEqual([]);
  await manager.appendMessages(id, [said("uno")]);
  await manager.completeConversation(id);
  expect(await look()).toEqual(["uno"]);
  expect(await look()).toEqual([]);
  await manager.deliver();
  expect(await look()).toEqual(["* completed"]);
  await manager.eraseConversation(id);
  await manager.deliver();
  expect(await look()).toEqual(["* erased"]);
  for (let i = 0; i < 10; i++) expect(await look()).toEqual([]);
});

it("a new conversation comes with all that was said in it, one from the archive with what is new", async () => {
  const { manager, look, time } = watched();
  await look();
  const { id } = await manager.createConversation({ messages: [said("uno"), said("due")] });
  await manager.deliver();
  expect(await look()).toEqual(["* created", "uno", "due"]);
  await manager.archiveConversation(id);
  await manager.deliver();
  expect(await look()).toEqual(["* archived"]);
  time.now += 30 * HOUR;
  expect((await manager.sweep()).moved).toBe(1);
  expect(await look()).toEqual([]);
  await manager.appendMessages(id, [said("tre")]);
  await manager.deliver();
  expect((await look()).toSorted()).toEqual(["* reactivated", "tre"]);
});

it("of what was wiped nothing is shown but that it was", async () => {
  const { manager, look } = watched();
  const { id } = await manager.createConversation({ messages: [said("uno")] });
  await look();
  await manager.appendMessages(id, [said("segreto")]);
  await manager.archiveConversation(id, "privacy", { preserveData: false });
  await manager.deliver();
  expect((await look()).toSorted()).toEqual(["* archived", "* wiped"]);
});
