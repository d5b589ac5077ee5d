import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { ExportLine, ImportLine } from "../../src/core/transfer.ts";
import { itera, type Ended } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";
const OTHER_ID = "ITERA_20250126_080000_AAAAAAAAAAAA_S";

const WHOLE: ImportLine = {
  id: ID,
  created: "2025-01-25T14:30:52.000Z",
  lastActivity: "2025-01-25T14:32:00.000Z",
  metadata: { source: "chatbot_widget", email: "anna@example.com", context: { topic: "stampante" }, step: "closing" },
  messages: [
    { role: "user", content: "La stampante non va 😀\nche faccio?" },
    { role: "assistant", content: "Spenga e riaccenda." },
  ],
  times: ["2025-01-25T14:31:00.000Z", "2025-01-25T14:32:00.000Z"],
};

const ndjson = (...lines: unknown[]): string =>
  lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)) + "\n").join("");
const read = (text: string): ExportLine[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ExportLine);
const chats = (count: number): string =>
  ndjson(
    ...Array.from({ length: count }, (_, i) => ({
      source: "old-bot",
      ref: String(i),
      messages: [{ role: "user", content: `Domanda ${i}` }],
    })),
  );

function take(folder: string, input: string, ...args: string[]): Promise<Ended> {
  return itera(["import", "-", ...args], { folder, input });
}

async function exported(folder: string, ...args: string[]): Promise<ExportLine[]> {
  const { code, stdout, stderr } = await itera(["export", ...args], { folder });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return read(stdout);
}

describe("itera import", () => {
  it("takes lines with an ID as they are, archived", async () => {
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await take(folder, ndjson(WHOLE));
    expect(stdout).toBe("1 imported, 0 skipped, none failed.\n");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const [line] = await exported(folder);
    expect(line).toMatchObject({
      ...WHOLE,
      status: "archived",
      archiveReason: "imported",
      messageCount: 2,
      source: "chatbot_widget",
      environment: "P",
    });
  });

  it("makes IDs for lines without one, of the time when they were created, and can make them active", async () => {
    const folder = temporaryFolder();
    const line = { source: "old-bot", ref: "1", created: "2024-02-29T12:00:00Z", messages: [{ role: "user", content: "Ciao" }] };
    expect((await take(folder, ndjson(line), "--active")).code).toBe(0);
    const [found] = await exported(folder);
    expect(found!.id).toMatch(/^ITERA_20240229_120000_/);
    expect(found).toMatchObject({ status: "active", source: "old-bot", created: "2024-02-29T12:00:00.000Z" });
  });

  it("skips what is there when it is run again, and goes on where it was stopped", async () => {
    const folder = temporaryFolder();
    const input = chats(40);
    // As if it had been stopped in the middle.
    await take(folder, input.split("\n").slice(0, 25).join("\n"));
    expect((await take(folder, input)).stdout).toBe("15 imported, 25 skipped, none failed.\n");
    expect((await take(folder, input)).stdout).toBe("0 imported, 40 skipped, none failed.\n");
    expect(await exported(folder)).toHaveLength(40);
  });

  it("knows repeats within one file, also without source and ref", async () => {
    const folder = temporaryFolder();
    const line = { messages: [{ role: "user", content: "uguale" }] };
    expect((await take(folder, ndjson(line, line, line))).stdout).toBe("1 imported, 2 skipped, none failed.\n");
  });

  it("takes every chat of a file whose ref is a topic that many share, and none of them twice", async () => {
    const folder = temporaryFolder();
    const chat = (content: string) => ({ source: "corpus", ref: "greetings", messages: [{ role: "user", content }] });
    const file = ndjson(chat("Ciao"), chat("Ciao"), chat("Buonasera"));
    expect((await take(folder, file)).stdout).toBe("3 imported, 0 skipped, none failed.\n");
    expect((await take(folder, file)).stdout).toBe("0 imported, 3 skipped, none failed.\n");
  });

  it("names each bad line and takes the others, never half of a conversation", async () => {
    const folder = temporaryFolder();
    const bad = [
      "{broken",
      "[]",
      '"text"',
      JSON.stringify({ id: "nonsense", messages: [] }),
      JSON.stringify({ ref: "no messages" }),
      JSON.stringify({ messages: [{ role: "user", content: "first" }, "second is no object"] }),
      JSON.stringify({ messages: [{ role: "user", content: "nul \0" }] }),
      JSON.stringify({
        messages: [
          { role: "user", content: "first" },
          { role: "user", content: "x".repeat(300_000) },
        ],
      }),
      JSON.stringify({ ...WHOLE, id: OTHER_ID, times: ["2025-01-25T14:31:00.000Z"] }),
    ];
    const { code, stdout, stderr } = await take(
      folder,
      ndjson(WHOLE, ...bad, { ref: "last", messages: [{ role: "user", content: "ultima" }] }),
    );
    expect(stdout).toBe("");
    const named = [...stderr.matchAll(/^itera: line (\d+): \S.*$/gm)].map((match) => Number(match[1]));
    expect(named).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(stderr).toContain("9 lines were not imported (2 imported, 0 skipped)");
    expect(stderr).not.toContain("first");
    expect(code).toBe(1);
    expect((await exported(folder)).map((line) => line.messageCount).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it("refuses other content under a known ID, naming the line, and keeps what is stored", async () => {
    const folder = temporaryFolder();
    await take(folder, ndjson(WHOLE));
    const changed = { ...WHOLE, messages: [{ role: "user", content: "altro" }], times: ["2025-01-25T14:31:00.000Z"] };
    const { code, stderr } = await take(folder, ndjson(WHOLE, changed));
    expect(stderr).toContain(`line 2: ${ID} is stored with other content`);
    expect(code).toBe(1);
    expect((await exported(folder))[0]!.messages).toEqual(WHOLE.messages);
  });

  it("tells failures and the sum in JSON", async () => {
    const folder = temporaryFolder();
    const good = await take(folder, chats(3), "--json");
    expect(JSON.parse(good.stdout)).toEqual({ success: true, data: { imported: 3, skipped: 0, failed: 0 } });
    const bad = await take(folder, "nonsense\n", "--json");
    expect(bad.stdout).toBe("");
    const failures = bad.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(failures).toMatchObject([
      { success: false, code: "invalid_input", details: { line: 1 } },
      { success: false, code: "invalid_input", details: { imported: 0, skipped: 0, failed: 1 } },
    ]);
  });

  it("reads a file", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "chats.ndjson"), `\uFEFF${chats(2)}\n\n`);
    expect((await itera(["import", "chats.ndjson"], { folder })).stdout).toBe("2 imported, 0 skipped, none failed.\n");
    expect((await itera(["import", "."], { folder })).code).not.toBe(0);
  });
});

describe("itera export", () => {
  it("writes what import reads: from one database to another and back, nothing is changed", async () => {
    const [first, second] = [temporaryFolder(), temporaryFolder()];
    await take(
      first,
      ndjson(WHOLE, {
        ...WHOLE,
        id: OTHER_ID,
        status: "completed",
        completedAt: "2025-01-26T09:00:00.000Z",
        archiveReason: "risolto",
        archivedAt: "2025-01-26T10:00:00.000Z",
      }) + chats(5),
    );
    const out = await itera(["export"], { folder: first });
    expect((await take(second, out.stdout)).stdout).toBe("7 imported, 0 skipped, none failed.\n");
    expect((await take(first, out.stdout)).stdout).toBe("0 imported, 7 skipped, none failed.\n");
    const facts = (lines: ExportLine[]) =>
      lines.map(
        ({
          id,
          created,
          lastActivity,
          completedAt,
          archivedAt,
          archiveReason,
          metadata,
          messages,
          times,
          source,
          environment,
          status,
        }) => ({
          id,
          created,
          lastActivity,
          completedAt,
          archivedAt,
          archiveReason,
          metadata,
          messages,
          times,
          source,
          environment,
          status,
        }),
      );
    expect(facts(await exported(second))).toEqual(facts(read(out.stdout)));
  });

  it("goes by ID, each once, and goes on after one", async () => {
    const folder = temporaryFolder();
    await take(folder, chats(10) + ndjson(WHOLE));
    const ids = (await exported(folder)).map((line) => line.id);
    expect(ids).toEqual([...new Set(ids)].toSorted());
    expect(ids).toHaveLength(11);
    expect((await exported(folder, "--after", ids[3]!)).map((line) => line.id)).toEqual(ids.slice(4));
  });

  it("takes the filters of a list", async () => {
    const folder = temporaryFolder();
    await take(folder, ndjson(WHOLE, { ...WHOLE, id: OTHER_ID, created: "2025-01-26T08:00:00.000Z", metadata: { source: "api" } }));
    await take(folder, ndjson({ source: "old-bot", ref: "1", created: "2025-02-01T00:00:00Z", messages: [] }), "--active");
    const found = async (...args: string[]): Promise<string[]> => (await exported(folder, ...args)).map((line) => line.source);
    expect(await found("--status", "archived")).toEqual(["chatbot_widget", "api"]);
    expect(await found("--status", "active,completed")).toEqual(["old-bot"]);
    expect(await found("--source", "api")).toEqual(["api"]);
    expect(await found("--environment", "production")).toEqual(["chatbot_widget"]);
    expect(await found("--environment", "S")).toEqual(["api"]);
    expect(await found("--from", "2025-01-26")).toEqual(["api", "old-bot"]);
    expect(await found("--from", "2025-01-26T08:00:00Z", "--to", "2025-02-01")).toEqual(["api"]);
    expect(await found("--to", "2025-01-26T08:00:00Z")).toEqual(["chatbot_widget"]);
    const wrong = await itera(["export", "--status", "lost"], { folder });
    expect(wrong.stderr).toContain("status must be of active, completed, archived, deleted");
    expect(wrong.code).toBe(2);
  });

  it("leaves out what was wiped or erased, and no import brings it back", async () => {
    const folder = temporaryFolder();
    const lines = ndjson(WHOLE, { ...WHOLE, id: OTHER_ID }) + chats(1);
    await take(folder, lines);
    const manager = new ConversationManager(await sqliteStores({ path: join(folder, "data", "conversations.db") }));
    await manager.archiveConversation(ID, "privacy", { preserveData: false });
    await manager.eraseConversation(OTHER_ID);
    await manager.close();
    expect((await exported(folder)).map((line) => line.source)).toEqual(["old-bot"]);
    const again = await take(folder, ndjson({ ...WHOLE, id: OTHER_ID }));
    expect(again.stderr).toBe("line 1: left out, this conversation was erased\n");
    expect(again.stdout).toBe("0 imported, 1 skipped, none failed.\n");
    expect((await itera(["show", OTHER_ID], { folder })).code).toBe(3);
    const wiped = await take(folder, ndjson(WHOLE));
    expect(wiped.code).toBe(1);
    expect(await exported(folder)).toHaveLength(1);
  });

  it("writes a file that is there whole or not at all, for its owner alone", async () => {
    const folder = temporaryFolder();
    await take(folder, chats(5));
    const { stdout, code } = await itera(["export", "--out", "chats.ndjson"], { folder });
    expect(stdout).toBe("5 exported to chats.ndjson.\n");
    expect(code).toBe(0);
    const path = join(folder, "chats.ndjson");
    expect(read(readFileSync(path, "utf8"))).toHaveLength(5);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await itera(["export", "--out", "chats.ndjson", "--source", "none", "--json"], { folder })).stdout)).toEqual({
      success: true,
      data: { exported: 0 },
    });
    expect(readFileSync(path, "utf8")).toBe("");
    const failed = await itera(["export", "--out", "no/such/folder.ndjson"], { folder });
    expect(failed.stderr).toContain("no/such/folder.ndjson cannot be written (ENOENT)");
    expect(failed.code).toBe(2);
    expect(readdirSync(folder).toSorted()).toEqual(["chats.ndjson", "data"]);
    expect(existsSync(join(folder, "no"))).toBe(false);
  });
});
