// What the README shows is run as it stands: the chat turn in TypeScript, and the lines for curl against a server of their own.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { sqliteStores } from "../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../src/index.ts";
import { startMain } from "./processes.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "itera-readme-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function blocks(language: string): Promise<string[]> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map((match) => match[1]!);
}

/** The source file behind an import of this package, from the list of its subpaths. */
async function sourceOf(specifier: string): Promise<string> {
  const { exports } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { exports: Record<string, { default: string }> };
  const entry = exports[specifier.replace("itera-conversations", ".")];
  if (!entry) throw new Error(`${specifier} is no subpath of this package`);
  return pathToFileURL(join(ROOT, entry.default.replace("./dist/", "src/").replace(/\.js$/, ".ts"))).href;
}

/** Runs a block of TypeScript in a folder of its own, on the sources; answers what it prints, and the chats that it leaves. */
async function runBlock(code: string, more = ""): Promise<{ printed: string; chats: ConversationManager }> {
  let program = code;
  for (const [, specifier] of code.matchAll(/from ("itera-conversations[^"]*")/g)) {
    program = program.replace(specifier!, JSON.stringify(await sourceOf(JSON.parse(specifier!) as string)));
  }
  const cwd = await folder();
  await writeFile(join(cwd, "turn.ts"), `${program}\n${more}`);
  const { stdout } = await run(process.execPath, ["turn.ts"], { cwd });
  const chats = new ConversationManager(await sqliteStores({ path: join(cwd, "data/chats.db") }));
  onTestFinished(() => chats.close());
  return { printed: stdout.trim(), chats };
}

test("the chatbot's session is stored by its two calls", async () => {
  const [, code] = await blocks("ts");
  const { printed, chats } = await runBlock(code!);
  const chat = await chats.peekConversation(printed);
  expect(chat?.messages).toEqual([{ role: "user", content: "My printer is on fire" }]);
  expect(chat?.metadata).toMatchObject({ source: "chatbot_widget", step: "urgency" });
});

test("the chat turn in ten lines runs and leaves the chat in its file", async () => {
  const [code] = await blocks("ts");
  expect(
    code!
      .trim()
      .split("\n")
      .filter((line) => line.trim() !== "").length,
  ).toBeLessThanOrEqual(10);
  const { printed, chats } = await runBlock(code!, "console.log(id);\n");
  const chat = await chats.peekConversation(printed);
  expect(chat?.messages.map((message) => message["content"])).toEqual(["Is it in stock?", "You wrote: Is it in stock?"]);
  expect(chat?.metadata["step"]).toBe("stock");
});

test("the lines for curl do what they say", async () => {
  const shell = (await blocks("sh")).find((block) => block.includes("curl"))!;
  const cwd = await folder();
  const { url } = await startMain({ folder: cwd });
  // Each answer on a line of its own.
  const script = shell.replaceAll("http://127.0.0.1:8787", url).replaceAll("curl -s ", "curl -s -w '\\n' ");
  const { stdout } = await run("sh", ["-e", "-c", script], { cwd });
  const answers = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { success: boolean; data: Record<string, unknown> | unknown[] });
  expect(answers.map((answer) => answer.success)).toEqual([true, true, true, true, true]);
  const [asked, answered, read, listed, archived] = answers.map((answer) => answer.data) as [
    { window: unknown[] },
    { messageCount: number },
    { messages: unknown[]; metadata: unknown },
    unknown[],
    { status: string; archiveReason: string },
  ];
  expect(asked.window).toEqual([{ role: "user", content: "Buongiorno!" }]);
  expect(answered.messageCount).toBe(2);
  expect(read.messages).toHaveLength(2);
  expect(read.metadata).toMatchObject({ source: "readme", step: "matter" });
  expect(listed).toHaveLength(1);
  expect(archived).toMatchObject({ status: "archived", archiveReason: "resolved" });
});
