import { describe, expect, it } from "vitest";
import { itera, type Ended } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const UNKNOWN = "ITERA_20250125_143052_ZZZZZZZZZZZZ_D";

/** Runs `itera` in a folder of its own, and expects it to succeed without a word besides. */
function inFolder(): { folder: string; done: (...args: string[]) => Promise<string>; run: (...args: string[]) => Promise<Ended> } {
  const folder = temporaryFolder();
  const run = (...args: string[]): Promise<Ended> => itera(args, { folder });
  async function done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect([args, code, stderr]).toEqual([args, 0, ""]);
    return stdout;
  }
  return { folder, done, run };
}

describe("itera create", () => {
  it("prints the ID alone, and lists and searches know the conversation at once", async () => {
    const { done } = inFolder();
    const answer = '{"role":"assistant","content":"Spenga e riaccenda.","id":"m-1"}';
    const stdout = await done("create", "--message", "La stampante non va", "--message", answer, "--metadata", '{"plan":"gold"}');
    expect(stdout).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_D\n$/);
    const id = stdout.trim();
    const [found] = (await done("list", "--search", "riaccenda", "--json")).trim().split("\n");
    expect(JSON.parse(found!)).toMatchObject({ id, source: "cli", messageCount: 2, metadata: { plan: "gold" } });
    const { data } = JSON.parse(await done("show", id, "--json")) as { data: { messages: unknown[]; status: string } };
    expect(data.messages).toEqual([{ role: "user", content: "La stampante non va" }, JSON.parse(answer)]);
    expect(data.status).toBe("active");
  });
});

describe("a life on the command line", () => {
  it("goes from creation to archive and back, said in plain words, with its events and counts", async () => {
    const { done, run } = inFolder();
    const id = (await done("create", "--source", "phone", "--message", "Buongiorno")).trim();
    expect(await done("extend", id, "--hours", "72", "--reason", "aspetta un pezzo")).toMatch(
      new RegExp(`^${id} stays active until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC\\.\n$`),
    );
    expect(await done("complete", id)).toBe(`${id} is completed.\n`);
    expect(await done("archive", id, "--reason", "risolto")).toBe(`${id} is archived (risolto).\n`);
    // Archived again: what is stored.
    expect(await done("archive", id)).toBe(`${id} is archived (risolto).\n`);
    const refused = await run("complete", id);
    expect(refused.stderr).toContain("reopen it first");
    expect(refused.code).toBe(4);
    expect(await done("reopen", id)).toBe(`${id} is active.\n`);
    expect(await done("hold", id, "--reason", "caso 117")).toBe(`${id} is under a legal hold.\n`);
    expect(await done("release", id, "--reason", "chiuso")).toBe(`${id} is under no legal hold.\n`);

    const events = (await done("events", id)).trimEnd().split("\n");
    expect(events.map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}/, "").replace(/ +/, " "))).toEqual([
      "created source: phone",
      "extended hours: 72, reason: aspetta un pezzo",
      "completed",
      "archived reason: risolto",
      "reactivated",
      "held reason: caso 117",
      "released reason: chiuso",
    ]);
    const first = await done("events", id, "--limit", "2", "--json");
    expect(
      first
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { event: string }).event),
    ).toEqual(["created", "extended"]);

    const today = new Date().toISOString().slice(0, 10);
    const stats = await done("stats");
    const lines = stats.split("\n");
    expect(lines[0]).toMatch(/^DATE +CREATED +COMPLETED +ARCHIVED +MESSAGES +DURATION$/);
    expect(lines.slice(1, 31).every((line) => /^\d{4}-\d\d-\d\d( +\d+){3} +(-|\d+\.\d) +(-|\d+\w)/.test(line))).toBe(true);
    expect(lines[30]).toMatch(new RegExp(`^(${today}|all) `));
    expect(stats).toMatch(/^all +1 +1 +0 +1\.0 +\d+s$/m);
    expect(stats).toMatch(/^SOURCE +CREATED +SHARE\nphone +1 +100 %\n\n1 live now\./m);
    // Nobody watches a pipe.
    expect(stats).not.toContain("\u001b");
    expect((await run("stats", "--from", "2020-01-01", "--to", "2025-01-01")).code).toBe(2);
  });

  it("exits 3 for what is not there, 2 for what cannot be, and changes nothing then", async () => {
    const { done, run } = inFolder();
    const id = (await done("create")).trim();
    const unknown = await run("complete", UNKNOWN, "--json");
    expect(JSON.parse(unknown.stderr)).toMatchObject({ success: false, code: "not_found" });
    expect(unknown.stdout).toBe("");
    expect(unknown.code).toBe(3);
    expect((await run("erase", UNKNOWN)).code).toBe(3);
    expect((await run("events", "nonsense")).code).toBe(2);
    const long = await run("extend", id, "--hours", "169");
    expect(long.stderr).toBe("itera: --hours must be a whole number from 1 to 168 (CONVERSATION_MAX_EXTENSION_HOURS)\n");
    expect(long.code).toBe(2);
    expect((await run("archive", id, "--reason", "x".repeat(51))).code).toBe(2);
    expect(JSON.parse(await done("show", id, "--json"))).toMatchObject({ data: { version: 1, status: "active" } });
  });
});
