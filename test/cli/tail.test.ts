import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import { itera, startItera, type Running } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A folder with a database that this process writes to while others follow it. */
async function withDatabase(): Promise<{ folder: string; manager: ConversationManager }> {
  const folder = temporaryFolder();
  const manager = new ConversationManager(await sqliteStores({ path: join(folder, "data", "conversations.db") }), { environment: "D" });
  onTestFinished(() => manager.close());
  return { folder, manager };
}

const said = (content: string) => ({ role: "user", content });

/** Ends it as Ctrl+C does. */
async function interrupt({ child, ended }: Running): Promise<void> {
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, signal: null, stderr: "" });
}

const objects = (running: Running): Record<string, unknown>[] =>
  running
    .stdout()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it("tail of one shows its last messages, then what another process appends, replaces and does, each once, and ends on Ctrl+C", async () => {
  const { folder, manager } = await withDatabase();
  const { id } = await manager.createConversation({ messages: [said("uno"), said("due"), said("tre")] });
  const tail = startItera(["tail", id, "-n", "2", "--json"], { folder });
  await tail.saying("tre");
  await manager.appendMessages(id, [said("quattro"), said("cinque")]);
  await tail.saying("cinque");
  await manager.appendMessages(id, [said("sei")]);
  await manager.extendConversation(id, 100, "aspetta");
  await manager.completeConversation(id);
  await manager.deliver();
  await tail.saying('"completed"');
  const { version } = (await manager.peekConversation(id, { messages: "none" }))!;
  await manager.updateConversation(id, { messages: [said("uno"), said("nuovo"), said("fine")] }, { expectedVersion: version });
  await tail.saying("fine");
  await interrupt(tail);

  const lines = objects(tail);
  const texts = lines.flatMap(({ message }) => (message ? [(message as { content: string }).content] : []));
  expect(texts).toEqual(["due", "tre", "quattro", "cinque", "sei", "nuovo", "fine"]);
  expect(lines.filter(({ event }) => event).map(({ event, details }) => [event, details])).toEqual([
    ["extended", { hours: 100, reason: "aspetta" }],
    ["completed", {}],
  ]);
  const { data } = await manager.listMessages(id);
  expect(lines.at(-1)).toEqual({ id, ...data.at(-1) });
});

it("tail of all shows new conversations and those that go on, under their IDs, and of the wanted source alone", async () => {
  const { folder, manager } = await withDatabase();
  const old = await manager.createConversation({ metadata: { source: "phone" }, messages: [said("vecchio"), said("ultimo")] });
  await manager.createConversation({ metadata: { source: "widget" }, messages: [said("altrove")] });
  await manager.deliver();
  const tail = startItera(["tail", "--last", "1", "--source", "phone"], { folder });
  await tail.saying("ultimo");
  const created = await itera(["create", "--source", "phone", "--message", "Buongiorno"], { folder });
  await tail.saying("Buongiorno");
  await itera(["create", "--source", "widget", "--message", "non per noi"], { folder });
  await manager.appendMessages(old.id, [said("ancora")]);
  await tail.saying("ancora");
  const archived = await itera(["archive", old.id, "--reason", "risolto"], { folder });
  expect(archived.code).toBe(0);
  await tail.saying("archived");
  await interrupt(tail);

  const id = created.stdout.trim();
  const lines = tail.stdout().split("\n");
  const order = [
    `==> ${old.id} <==`,
    "ultimo",
    `==> ${id} <==`,
    "Buongiorno",
    `==> ${old.id} <==`,
    "ancora",
    "archived     reason: risolto",
  ];
  const places = order.map((text, i) => lines.findIndex((line, at) => at >= i && line.endsWith(text)));
  expect(places.every((at) => at >= 0)).toBe(true);
  expect(lines.filter((line) => /^\d\d:\d\d:\d\d {2}user {7}\S/.test(line))).toHaveLength(3);
  expect(tail.stdout()).toMatch(/^\d\d:\d\d:\d\d {2}\* {10}created +source: phone$/m);
  for (const text of ["vecchio", "altrove", "non per noi", "\u001b"]) expect(tail.stdout()).not.toContain(text);
});

it("tail of all shows the last messages of all conversations in the order of time", async () => {
  const { folder, manager } = await withDatabase();
  const [a, b] = [await manager.createConversation(), await manager.createConversation()];
  for (const [i, { id }] of [a, b, a, a, b].entries()) {
    await manager.appendMessages(id, [said(`numero ${i}`)]);
    // Each in a millisecond of its own, so that there is an order.
    for (const now = Date.now(); Date.now() === now;);
  }
  const tail = startItera(["tail", "-n", "4", "--json"], { folder });
  await tail.saying("numero 4");
  await interrupt(tail);
  expect(objects(tail).map(({ id, message }) => [id, (message as { content: string }).content])).toEqual([
    [b.id, "numero 1"],
    [a.id, "numero 2"],
    [a.id, "numero 3"],
    [b.id, "numero 4"],
  ]);
});

it("tail exits 3 for what is not there, or is erased while it is followed, and 2 for filters of one conversation", async () => {
  const { folder, manager } = await withDatabase();
  const { id } = await manager.createConversation({ messages: [said("ciao")] });
  const tail = startItera(["tail", id], { folder });
  await tail.saying("ciao");
  await manager.eraseConversation(id);
  expect(await tail.ended).toMatchObject({ code: 3, stderr: "itera: Conversation was erased\n" });
  expect((await itera(["tail", id.replace(/.$/, "S")], { folder })).code).toBe(3);
  expect((await itera(["tail", id, "--source", "phone"], { folder })).code).toBe(2);
  expect((await itera(["tail", "--environment", "prod"], { folder })).code).toBe(2);
});
