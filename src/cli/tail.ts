/** `itera tail`: follows one conversation or all of them: messages and events as they come, until Ctrl+C. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Head } from "../core/head.ts";
import type { ConversationManager } from "../core/manager.ts";
import { UsageError, type Command, type Input } from "./command.ts";
import { headOf, headsInHot, type Wanted } from "./heads-to-watch.ts";
import { lastSaid, type Spoken } from "./last-said.ts";
import type { News } from "./news.ts";
import type { Output } from "./output.ts";
import { transcriptPrinter } from "./transcript-printer.ts";
import { createWatch } from "./watch.ts";
import { withManager } from "./with-manager.ts";

const USUAL = 10;
/** The pause between two looks, and how many times as long as a look it is at least, so that looking is cheap however much there is. */
const PAUSE_MS = 500;
const PAUSE_RATIO = 9;

/** The command. */
export const tailCommand: Command = {
  name: "tail",
  summary: "Follow one conversation, or all, as they go on",
  words: "[ID]",
  wordCount: [0, 1],
  options: {
    last: { value: "N", short: "n", about: `First show the last N messages (default ${USUAL})` },
    source: { value: "NAME", about: "Of all, only those from this source" },
    environment: { value: "NAME", about: "Of all, only those of production, staging or development" },
  },
  examples: [
    ["itera tail ITERA_20250125_143052_A7B9X2M8P4Q1_P", `its last ${USUAL} messages, and then what comes; Ctrl+C ends it`],
    ["itera tail -n 0 --source chatbot_widget", "what is said from now on in all chats of the widget"],
    ["itera tail --json | jq -r 'select(.event) | .id + \" \" + .event'", "what happens to which conversation"],
  ],
  async run(input, output) {
    const last = input.number("last", 0) ?? USUAL;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    // Once: who presses Ctrl+C again does not want to wait.
    process.once("SIGINT", end).once("SIGTERM", end);
    try {
      await withManager(output, false, (manager) => follow(manager, input, last, output, stop.signal));
    } finally {
      process.off("SIGINT", end).off("SIGTERM", end);
    }
  },
};

async function follow(manager: ConversationManager, input: Input, last: number, output: Output, stop: AbortSignal): Promise<void> {
  const heads = await headsOf(manager, input);
  const print = printerOf(input.words.length === 0, output);
  const watch = createWatch(manager);
  const there: Spoken[] = [];
  await watch.look(noting(heads(), there));
  for (const news of await lastSaid(manager, there, last)) await print(news);
  if (output.watched && !output.json) output.note("(following; Ctrl+C ends it)");
  let took = 0;
  while (await pause(Math.max(PAUSE_MS, PAUSE_RATIO * took), stop)) {
    const began = performance.now();
    const found = await watch.look(heads());
    took = performance.now() - began;
    for (const news of found) await print(news);
  }
}

/** What is to be followed: a function that reads it anew each time. */
async function headsOf(manager: ConversationManager, input: Input): Promise<() => AsyncIterable<Head>> {
  const [id] = input.words;
  const [source, environment] = [input.text("source"), input.text("environment")];
  if (id !== undefined) {
    if (source !== undefined || environment !== undefined)
      throw new UsageError("--source and --environment choose among all; leave out the ID");
    return () => headOf(manager, id);
  }
  const wanted: Wanted = {};
  if (source !== undefined) wanted.source = source;
  if (environment !== undefined) {
    // The list checks it, with a sentence.
    await manager.listConversations({ environment, limit: 1 });
    wanted.environment = manager.settings.ids.getEnvironment(environment);
  }
  return () => headsInHot(manager, wanted);
}

async function* noting(heads: AsyncIterable<Head>, into: Spoken[]): AsyncGenerator<Head> {
  for await (const head of heads) {
    const { id, lastSeq, lastActivity, wiped, status } = head;
    into.push({ id, lastSeq, lastActivity, wiped, status });
    yield head;
  }
}

function printerOf(all: boolean, output: Output): (news: News) => Promise<void> {
  if (output.json) return (news) => output.object(news);
  const printer = transcriptPrinter(output);
  return async (news) => {
    if (all) await printer.heading(news.id);
    await ("event" in news ? printer.event(news.at, news.event, news.details) : printer.message(news.storedAt, news.message));
  };
}

/** Waits; false: it was told to stop. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
