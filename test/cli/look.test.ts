import { describe, expect, it } from "vitest";
import type { DirectoryEntry } from "../../src/core/conversation.ts";
import { itera } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const UNKNOWN = "ITERA_20250125_143052_ZZZZZZZZZZZZ_P";

/** A folder with a database of these lines. */
async function withChats(lines: readonly object[], ...args: string[]): Promise<string> {
  const folder = temporaryFolder();
  const { code, stderr } = await itera(["import", "-", ...args], { folder, input: lines.map((line) => JSON.stringify(line)).join("\n") });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return folder;
}

const chat = (ref: number, content = `Domanda ${ref}`) => ({ source: "old-bot", ref: String(ref), messages: [{ role: "user", content }] });

describe("itera list", () => {
  it("shows a table, newest first, and says when there is more", async () => {
    const folder = await withChats([...Array.from({ length: 30 }, (_, i) => chat(i)), { id: ID, messages: [] }]);
    const { code, stdout, stderr } = await itera(["list"], { folder });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ID +STATUS +MESSAGES +LAST ACTIVITY +SOURCE$/);
    expect(lines).toHaveLength(26);
    expect(lines[1]).toMatch(/^ITERA_\S+ {2}archived +1 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}old-bot$/);
    expect(code).toBe(0);
    const cursor = /--cursor (\S+)/.exec(stderr)![1]!;
    const more = await itera(["list", "--cursor", cursor], { folder });
    expect(more.stdout.trimEnd().split("\n")).toHaveLength(7);
    expect(more.stdout).toContain(ID);
    expect(more.stderr).toBe("");
    // Nobody watches a pipe: no colours, no cursor codes.
    expect(stdout + stderr).not.toContain("\u001b");
  });

  it("writes one entry a line in JSON, all of them if asked", async () => {
    const folder = await withChats(Array.from({ length: 120 }, (_, i) => chat(i)));
    const { stdout, stderr } = await itera(["list", "--all", "--json"], { folder });
    const entries = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as DirectoryEntry);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(120);
    expect(entries[0]).toMatchObject({ status: "archived", messageCount: 1, source: "old-bot", environment: "D" });
    expect(entries[0]).not.toHaveProperty("messages");
    expect(stderr).toBe("");
    expect((await itera(["list", "--limit", "3", "--json"], { folder })).stdout.trimEnd().split("\n")).toHaveLength(3);
  });

  it("filters and finds what was said", async () => {
    const folder = await withChats([chat(1, "La stampante è rotta"), chat(2, "Il monitor è nero")]);
    const found = await itera(["list", "--search", "stampante", "--json"], { folder });
    expect(JSON.parse(found.stdout)).toMatchObject({ source: "old-bot", snippet: expect.stringContaining("stampante") as string });
    expect((await itera(["list", "--search", "stampante"], { folder })).stdout).toMatch(/\n {4}\S.*stampante/);
    const none = await itera(["list", "--source", "elsewhere"], { folder });
    expect(none.stdout).toBe("");
    expect(none.stderr).toBe("No conversations.\n");
    expect(none.code).toBe(0);
  });

  it.each([
    [["--status", "lost"], "status must be of"],
    [["--environment", "prod"], "environment must be"],
    [["--from", "yesterday"], "from must be an ISO 8601 date"],
    [["--from", "2025-02-01", "--to", "2025-01-01"], "from must not be after to"],
    [["--cursor", "x"], "cursor"],
  ])("refuses %j with exit 2", async (args, sentence) => {
    const folder = await withChats([chat(1)]);
    const { code, stderr } = await itera(["list", ...args], { folder });
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  });
});

describe("itera show", () => {
  it("shows facts and transcript, on which a terminal cannot trip", async () => {
    const messages = [
      { role: "user", content: "Buongiorno\nla stampante" },
      { role: "assistant", content: "\u001b[2J\u001b]0;owned\u0007 pronto" },
      { role: "tool", parts: [{ type: "text", text: "a pezzi" }] },
      { strange: true },
    ];
    const folder = await withChats([{ id: ID, metadata: { source: "widget", email: "anna@example.com", step: "greeting" }, messages }]);
    const { code, stdout, stderr } = await itera(["show", ID], { folder });
    expect(stdout).toContain(ID);
    expect(stdout).toMatch(/status +archived \(imported\)/);
    expect(stdout).toMatch(/created +2025-01-25 14:30:52 UTC/);
    expect(stdout).toMatch(/email +anna@example.com/);
    expect(stdout).toMatch(/14:30:52 {2}user {7}Buongiorno\n {21}la stampante\n/);
    expect(stdout).toMatch(/assistant {2}\uFFFD\[2J\uFFFD\]0;owned\uFFFD pronto/);
    expect(stdout).toMatch(/tool +a pezzi/);
    expect(stdout).toMatch(/\? +\{"strange":true\}/);
    expect(stdout).not.toContain("\u001b");
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("shows the newest messages alone, or none", async () => {
    const messages = Array.from({ length: 5 }, (_, i) => ({ role: "user", content: `numero ${i + 1}` }));
    const folder = await withChats([{ id: ID, messages }]);
    const some = (await itera(["show", ID, "--messages", "2"], { folder })).stdout;
    expect([...some.matchAll(/numero (\d)/g)].map((match) => match[1])).toEqual(["4", "5"]);
    expect((await itera(["show", ID, "--messages", "none"], { folder })).stdout).not.toContain("numero");
    expect((await itera(["show", ID, "--messages", "-1"], { folder })).code).toBe(2);
    const json = JSON.parse((await itera(["show", ID, "--messages", "2", "--json"], { folder })).stdout) as object;
    expect(json).toMatchObject({ success: true, data: { id: ID, messageCount: 5, messages: messages.slice(3) } });
  });

  it("does not count as access", async () => {
    const folder = await withChats([{ id: ID, messages: [] }], "--active");
    const before = await itera(["show", ID, "--json"], { folder });
    expect((await itera(["show", ID, "--json"], { folder })).stdout).toBe(before.stdout);
    expect(JSON.parse(before.stdout)).toMatchObject({ data: { lastAccess: null, status: "active" } });
  });

  it("exits 3 where there is no such conversation, 2 where there can be none", async () => {
    const folder = await withChats([chat(1)]);
    const unknown = await itera(["show", UNKNOWN], { folder });
    expect(unknown.stderr).toBe(`itera: Conversation ${UNKNOWN} not found\n`);
    expect(unknown.code).toBe(3);
    const json = await itera(["show", UNKNOWN, "--json"], { folder });
    expect(JSON.parse(json.stderr)).toMatchObject({ success: false, code: "not_found" });
    expect((await itera(["show", "nonsense"], { folder })).code).toBe(2);
  });
});

describe("itera sweep", () => {
  it("archives what has expired; a dry run only counts", async () => {
    const folder = await withChats([chat(1), chat(2)], "--active");
    // Imported with the shortest life that there is, they expire while this line is read.
    const short = { CONVERSATION_TTL_HOURS: "0.00001", CONVERSATION_MAX_EXTENSION_HOURS: "0.00001" };
    await itera(["import", "-", "--active"], { folder, env: short, input: JSON.stringify(chat(3)) });
    const dry = await itera(["sweep", "--dry-run", "--json"], { folder });
    expect(JSON.parse(dry.stdout)).toMatchObject({ success: true, data: { dryRun: true, archived: 1 } });
    const swept = await itera(["sweep"], { folder });
    expect(swept.stdout).toMatch(/^Swept:\n +1 {2}archived/);
    expect(swept.code).toBe(0);
    const again = await itera(["sweep", "--json"], { folder });
    expect(JSON.parse(again.stdout)).toMatchObject({ success: true, data: { dryRun: false, archived: 0 } });
    const left = await itera(["list", "--status", "active", "--json"], { folder });
    expect(left.stdout.trimEnd().split("\n")).toHaveLength(2);
  });
});
