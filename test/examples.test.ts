// The programs under examples/ run, and show what they claim.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { itera, startMain } from "./processes.ts";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const run = promisify(execFile);

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "itera-examples-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

interface Chat {
  ref: string;
  messages: { role: string; content: string }[];
}

async function sample(): Promise<Chat[]> {
  const lines = (await readFile(join(EXAMPLES, "sample-chats.ndjson"), "utf8")).trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Chat);
}

test("replay-chats says every chat of a file through HTTP and finds all of it again", async () => {
  const cwd = await folder();
  const { url } = await startMain({ folder: cwd });
  const { stdout } = await run(process.execPath, [join(EXAMPLES, "replay-chats.ts"), "--url", url, "--archive"], { cwd });
  const chats = await sample();
  const messages = chats.reduce((sum, chat) => sum + chat.messages.length, 0);
  expect(stdout).toContain(`${chats.length} chats, ${messages} messages replayed`);
  expect(stdout).toContain(": 0 differ");
  const answer = (await (await fetch(`${url}/api/v1/conversations?source=sample`)).json()) as { data: { messageCount: number }[] };
  expect(answer.data).toHaveLength(chats.length);
});

test("the command line imports the same file, and what it exports equals it", async () => {
  const cwd = await folder();
  const imported = await itera(["import", join(EXAMPLES, "sample-chats.ndjson")], { folder: cwd });
  expect(imported).toMatchObject({ code: 0 });
  const exported = await itera(["export"], { folder: cwd });
  const lines = exported.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Chat);
  const chats = await sample();
  const said = (list: Chat[]) => list.map((chat) => JSON.stringify(chat.messages)).toSorted();
  expect(said(lines)).toEqual(said(chats));
});

interface Said {
  sessionId: string;
  reply: string;
  step: string;
}

/** Starts the example chatbot over a database and answers how to talk to it. */
async function startChatbot(
  cwd: string,
): Promise<{ say: (message: string, sessionId?: string) => Promise<Said>; url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [join(EXAMPLES, "chatbot/server.ts"), "--port", "0", "--database", join(cwd, "chats.db")], { cwd });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  onTestFinished(stop);
  let said = "";
  while (!said.includes("listens on")) said += String((await once(child.stdout, "data"))[0]);
  const url = /http:\S+/.exec(said)![0];
  const say = async (message: string, sessionId?: string) => {
    const response = await fetch(`${url}/chat`, { method: "POST", body: JSON.stringify({ sessionId, message }) });
    return (await response.json()) as Said;
  };
  return { say, url, stop };
}

test("the chatbot leads an Italian visitor from the greeting to the summary, over a restart, and starts again", async () => {
  const cwd = await folder();
  const bot = await startChatbot(cwd);
  const hello = await bot.say("Buongiorno");
  expect(hello.reply).toContain("Di che cosa ha bisogno");
  expect((await bot.say("Il gestionale non parte", hello.sessionId)).reply).toContain("È urgente");
  await bot.stop();

  const again = await startChatbot(cwd);
  expect((await again.say("sì", hello.sessionId)).reply).toContain("numero di telefono");
  expect((await again.say("boh", hello.sessionId)).step).toBe("contact");
  const summary = await again.say("lucia@esempio.example", hello.sessionId);
  expect(summary.reply).toContain("«Il gestionale non parte», urgenza alta, contatto lucia@esempio.example");
  expect(await again.say("ricominciamo da capo", hello.sessionId)).toMatchObject({ sessionId: hello.sessionId, step: "matter" });
  const whole = (await (await fetch(`${again.url}/chat?sessionId=${hello.sessionId}`)).json()) as { messages: unknown[] };
  expect(whole.messages).toHaveLength(12);
});

test("the chatbot answers in English, and a visitor whose session was lost gets a new one", async () => {
  const { say } = await startChatbot(await folder());
  const lost = await say("Hello, can I get help please", "ITERA_20250125_143052_A7B9X2M8P4Q1_P");
  expect(lost.reply).toContain("What can I do for you");
  expect(lost.sessionId).not.toBe("ITERA_20250125_143052_A7B9X2M8P4Q1_P");
  expect((await say("The VPN is down", lost.sessionId)).reply).toContain("Is it urgent");
  expect((await say("blocked", lost.sessionId)).step).toBe("contact");
  expect((await say("call +39 039 555 0123", lost.sessionId)).reply).toContain("urgency highest, contact +39 039 555 0123");
});
