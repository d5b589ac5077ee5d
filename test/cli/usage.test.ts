import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConversationIDGenerator } from "../../src/core/id.ts";
import { itera } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const COMMANDS =
  "serve migrate id create list show tail complete archive extend reopen erase erase-subject hold release events sweep purge import export backup verify restore copy stats keys rotate doctor".split(
    " ",
  );
const ID = "ITERA_20250125_143052_A7B9X2M8P4Q1_P";

describe("itera", () => {
  it("lists its commands, and no others", async () => {
    const { code, stdout, stderr } = await itera(["--help"], { folder: temporaryFolder() });
    const listed = [...stdout.split("Options:")[0]!.matchAll(/^ {2}([a-z-]+) /gm)].map((match) => match[1]);
    expect(listed).toEqual(COMMANDS);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it.each(COMMANDS)("%s explains itself with its options and examples", async (command) => {
    const { code, stdout } = await itera([command, "--help"], { folder: temporaryFolder() });
    expect(stdout).toContain(`Usage: itera ${command}`);
    expect(stdout).toContain("--json");
    expect(stdout).toMatch(new RegExp(`Examples:\\n {2}.*itera ${command}`));
    expect(code).toBe(0);
  });

  it("explains a command under help too, with the letters of its options", async () => {
    const { code, stdout } = await itera(["help", "tail"], { folder: temporaryFolder() });
    expect(stdout).toBe((await itera(["tail", "--help"], { folder: temporaryFolder() })).stdout);
    expect(stdout).toContain("-n, --last N");
    expect(code).toBe(0);
  });

  it("says its version", async () => {
    const { code, stdout } = await itera(["--version"], { folder: temporaryFolder() });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(code).toBe(0);
  });

  it.each([
    [[], "Usage: itera"],
    [["lsit"], 'Did you mean "itera list"?'],
    [["exp"], 'Did you mean "itera export"?'],
    [["frobnicate"], "See: itera --help"],
    [["constructor"], "See: itera --help"],
    [["--frobnicate"], "--frobnicate is no option of itera"],
    [["list", "--stauts", "active"], "Did you mean --status?"],
    [["list", "--xyzzy"], "--xyzzy is no option of itera list"],
    [["list", "--constructor"], "--constructor is no option of itera list"],
    [["list", "-h"], "-h is no option of itera list"],
    [["list", "--status"], "--status needs a value"],
    [["list", "--status", "--json"], "--status needs a value"],
    [["list", "--all=yes"], "--all takes no value"],
    [["list", "--limit", "5", "--limit", "6"], "--limit is there twice"],
    [["list", "--limit", "0"], "--limit must be a whole number of at least 1"],
    [["list", "extra"], 'itera list does not take "extra"'],
    [["show"], "itera show needs ID"],
    [["import"], "itera import needs FILE|-"],
    [["erase-subject", "email"], "itera erase-subject needs KEY VALUE"],
    [["hold", ID], "itera hold needs --reason TEXT"],
    [["release", ID, "--reason", " "], "itera release needs --reason TEXT"],
    [["extend", ID, "--hours", "0"], "--hours must be a whole number of at least 1"],
    [["tail", "-n", "x"], "--last must be a whole number of at least 0"],
    [["tail", "-x"], "-x is no option of itera tail"],
    [["create", "--metadata", "[1]"], "--metadata must be a JSON object"],
    [["create", "--message", "ok", "--message", "{broken"], "--message begins like a JSON object and is none"],
    [["id", "--environment", "prod"], "production, staging or development"],
    [["id", "nonsense"], "This is no conversation ID"],
    [["import", "no-such-file.ndjson"], "no-such-file.ndjson cannot be read (ENOENT)"],
  ])("%j is wrong usage: exit 2, and what to do instead", async (args, sentence) => {
    const { code, stdout, stderr } = await itera(args, { folder: temporaryFolder() });
    expect(stdout + stderr).toContain(sentence);
    expect(code).toBe(2);
  });

  it("tells failures as the API's envelope with --json", async () => {
    const { code, stdout, stderr } = await itera(["list", "--json", "--bogus"], { folder: temporaryFolder() });
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toEqual({
      success: false,
      error: "--bogus is no option of itera list",
      code: "invalid_input",
      requestId: expect.any(String) as string,
    });
    expect(code).toBe(2);
  });
});

describe("itera id", () => {
  it("makes an ID, of the configured environment and prefix or of another environment", async () => {
    const folder = temporaryFolder();
    const { code, stdout } = await itera(["id"], { folder });
    expect(stdout).toMatch(/^ITERA_\d{8}_\d{6}_[A-Z0-9]{12}_D\n$/);
    expect(ConversationIDGenerator.validate(stdout.trim())).toBe(true);
    expect(code).toBe(0);
    expect((await itera(["id", "--environment", "production"], { folder })).stdout).toMatch(/_P\n$/);
    writeFileSync(join(folder, ".env"), "CONVERSATION_ID_PREFIX=SHOP\nENVIRONMENT=staging\n");
    expect((await itera(["id"], { folder })).stdout).toMatch(/^SHOP_.*_S\n$/);
  });

  it("explains one", async () => {
    const { code, stdout } = await itera(["id", ID], { folder: temporaryFolder() });
    expect(stdout).toContain("2025-01-25T14:30:52.000Z");
    expect(stdout).toContain("P (production)");
    expect(stdout).toContain("A7B9X2M8P4Q1");
    expect(code).toBe(0);
  });

  it("answers in JSON", async () => {
    const folder = temporaryFolder();
    const made = JSON.parse((await itera(["id", "--json"], { folder })).stdout) as { success: boolean; data: { id: string } };
    expect(made.success).toBe(true);
    expect(ConversationIDGenerator.validate(made.data.id)).toBe(true);
    expect(JSON.parse((await itera(["id", ID, "--json"], { folder })).stdout)).toEqual({
      success: true,
      data: {
        id: ID,
        prefix: "ITERA",
        date: "20250125",
        time: "143052",
        random: "A7B9X2M8P4Q1",
        environment: "P",
        created: "2025-01-25T14:30:52.000Z",
      },
    });
  });
});

describe("configuration of the command line", () => {
  it("has all its faults named at once, exit 2, and nothing is made", async () => {
    const folder = temporaryFolder();
    const env = { PORT: "x", LOG_LEVEL: "loud", API_KEYS: "hunter2" };
    const { code, stderr } = await itera(["list"], { folder, env });
    expect(stderr).toMatch(/has 3 faults[\s\S]*PORT:[\s\S]*API_KEYS:[\s\S]*LOG_LEVEL:/);
    expect(stderr).not.toContain("hunter2");
    expect(code).toBe(2);
    const json = await itera(["list", "--json"], { folder, env });
    expect(JSON.parse(json.stderr)).toMatchObject({
      success: false,
      details: { faults: [{ variable: "PORT" }, { variable: "API_KEYS" }, { variable: "LOG_LEVEL" }] },
    });
  });

  it.each([["list"], ["show", ID], ["sweep"], ["export"], ["complete", ID], ["tail"]])(
    "%s of a database that is not there is exit 5, and makes none",
    async (...args) => {
      const folder = temporaryFolder();
      const { code, stderr } = await itera(args, { folder });
      expect(stderr).toContain("There is no database at");
      expect(code).toBe(5);
      expect((await itera([...args, "--json"], { folder })).stderr).toContain('"code":"store_unavailable"');
    },
  );

  it("says where the database cannot be: exit 5 if the disk refuses it, 2 if the path is no place for one", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    mkdirSync(join(folder, "folder.db"));
    const input = '{"messages":[]}\n';
    for (const [path, exit] of [
      ["file/conversations.db", 5],
      ["/proc/no/such.db", 5],
      ["folder.db", 2],
    ]) {
      const { code, stderr } = await itera(["import", "-"], { folder, input, env: { DATABASE_URL: `sqlite:${path}` } });
      expect(stderr).toMatch(/^itera: \S.*\n/);
      expect([path, code]).toEqual([path, exit]);
    }
  });

  it("exits 5 where the file is no database", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "x.db"), "this is no database, and it is long enough to tell".repeat(100));
    const { code, stderr } = await itera(["list"], { folder, env: { DATABASE_URL: "sqlite:x.db" } });
    expect(stderr).toMatch(/^itera: \S.*\n/);
    expect(code).toBe(5);
  });
});
