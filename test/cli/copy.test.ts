import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";
import type { Stores } from "../../src/core/stores.ts";
import { allThatPortsAnswer } from "../all-that-ports-answer.ts";
import { describeWith } from "../engines.ts";
import { freshSchema } from "../postgres.ts";
import { itera, type Ended } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SAMPLES = fileURLToPath(new URL("../../examples/sample-chats.ndjson", import.meta.url));

async function filled(): Promise<string> {
  const folder = temporaryFolder();
  expect((await itera(["import", SAMPLES, "--active"], { folder })).code).toBe(0);
  await itera(["erase", (await ids(folder))[0]!, "--yes"], { folder });
  return folder;
}

async function ids(folder: string): Promise<string[]> {
  const { stdout } = await itera(["list", "--json"], { folder });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { id: string }).id);
}

function copy(folder: string, ...args: string[]): Promise<Ended> {
  return itera(["copy", ...args], { folder });
}

async function answersOf(path: string): Promise<unknown> {
  const stores: Stores & { close: () => Promise<void> } = await sqliteStores({ path });
  try {
    return await allThatPortsAnswer(stores);
  } finally {
    await stores.close();
  }
}

describeWith("postgresql", "itera copy between SQLite and PostgreSQL", (at) => {
  it("there and back is the same, whatever any port answers, and shows no address", { timeout: 120_000 }, async () => {
    const folder = await filled();
    const original = await answersOf(join(folder, "data/conversations.db"));
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    const there = await copy(folder, "--to", schema.url);
    expect(there.stderr).toBe("");
    expect(there.stdout).toMatch(/^5 conversations of 5 copied and compared/);
    const again = await copy(folder, "--to", schema.url);
    expect(again.stdout).toMatch(/^0 conversations of 5 copied/);
    const back = await copy(folder, "--from", schema.url, "--to", "sqlite:./back/chats.db");
    expect(back.code).toBe(0);
    expect(await answersOf(join(folder, "back/chats.db"))).toEqual(original);
    expect(readFileSync(join(folder, "back/secret"), "utf8")).toBe(readFileSync(join(folder, "data/secret"), "utf8"));
    const { hostname, port } = new URL(schema.url);
    for (const { stdout, stderr } of [there, again, back]) expect(stdout + stderr).not.toContain(`${hostname}:${port}`);
  });

  it("says which server does not answer, without its address or password", async () => {
    const folder = await filled();
    const { stderr, code } = await copy(folder, "--to", "postgresql://anna:hunter2@127.0.0.1:1/db");
    expect(stderr).toMatch(/PostgreSQL/);
    expect(stderr).not.toMatch(/hunter2|127\.0\.0\.1/);
    expect(code).toBe(5);
  });
});

describe("itera copy", () => {
  it("copies the configured database into another, secret of development included, and says what it took", async () => {
    const folder = await filled();
    const { code, stdout, stderr } = await copy(folder, "--to", "sqlite:./copy/new.db");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^5 conversations of 5 copied and compared:\n +5 {2}new there\n +1 {2}erasures taken over\n/);
    expect(code).toBe(0);
    expect(await answersOf(join(folder, "copy/new.db"))).toEqual(await answersOf(join(folder, "data/conversations.db")));
    expect(readFileSync(join(folder, "copy/secret"), "utf8")).toBe(readFileSync(join(folder, "data/secret"), "utf8"));
  });

  it("keeps live conversations apart where that is wanted, and brings them together again", async () => {
    const folder = await filled();
    const original = await answersOf(join(folder, "data/conversations.db"));
    expect((await copy(folder, "--to", "sqlite:./apart.db", "--to-hot", "sqlite:./hot.db")).code).toBe(0);
    expect(await answersOf(join(folder, "hot.db"))).toMatchObject({ listed: [] });
    const back = await copy(folder, "--from", "sqlite:./apart.db", "--from-hot", "sqlite:./hot.db", "--to", "sqlite:./back.db");
    expect(back.code).toBe(0);
    expect(await answersOf(join(folder, "back.db"))).toEqual(original);
  });

  it("takes what has changed when it is run again, and asks before it replaces what is there", async () => {
    const folder = await filled();
    await copy(folder, "--to", "sqlite:./new.db");
    expect(JSON.parse((await copy(folder, "--to", "sqlite:./new.db", "--json")).stdout)).toMatchObject({
      success: true,
      data: { dryRun: false, added: 0, replaced: 0, unchanged: 5 },
    });
    await itera(["complete", (await ids(folder))[0]!], { folder });
    const refused = await copy(folder, "--to", "sqlite:./new.db");
    expect(refused.stderr).toContain("Copying removes older versions of 1 conversation in the target for good");
    expect(refused.code).toBe(4);
    const tried = await copy(folder, "--to", "sqlite:./new.db", "--dry-run");
    expect(tried.stdout).toMatch(/^Nothing was changed\. A copy would take 1 conversation of 5:/);
    expect((await copy(folder, "--to", "sqlite:./new.db", "--yes")).stdout).toMatch(/^1 conversation of 5 copied/);
    expect(await answersOf(join(folder, "new.db"))).toEqual(await answersOf(join(folder, "data/conversations.db")));
  });

  it("changes nothing when it is only tried", async () => {
    const folder = await filled();
    const { stdout, code } = await copy(folder, "--to", "sqlite:./new.db", "--dry-run");
    expect(stdout).toMatch(/^Nothing was changed\. A copy would take 5 conversations of 5:/);
    expect(code).toBe(0);
    for (const made of ["new.db", "secret"]) expect(existsSync(join(folder, made))).toBe(false);
  });

  it("refuses a target that was made for other IDs", async () => {
    const folder = await filled();
    const other = await itera(["create"], { folder, env: { DATABASE_URL: "sqlite:./other.db", CONVERSATION_ID_PREFIX: "SHOP" } });
    expect(other.code).toBe(0);
    const { code, stderr } = await copy(folder, "--to", "sqlite:./other.db");
    expect(stderr).toMatch(/SHOP/);
    expect(code).toBe(2);
  });

  it.each([
    [["--to", "sqlite:./data/conversations.db"], /--from and --to are the same database/],
    [[], /--to is missing/],
    [["--to", "redis://127.0.0.1:6379"], /--to: Redis keeps live conversations alone/],
    [["--to", "mysql://host/db"], /--to: its scheme is not known/],
    [["--from", "sqlite:./none.db", "--to", "sqlite:./new.db"], /There is no database at .*none\.db\. Set --from/],
  ])("says what is wrong with %j", async (args, sentence) => {
    const folder = temporaryFolder();
    const { stderr, code } = await copy(folder, ...args);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(args[0] === "--from" ? 5 : 2);
    expect(stderr).not.toContain("    at ");
  });

  it("says that another secret is kept at the target", async () => {
    const folder = await filled();
    await itera(["create"], { folder, env: { DATABASE_URL: "sqlite:./other/chats.db" } });
    const { code, stderr } = await copy(folder, "--to", "sqlite:./other/chats.db", "--yes");
    expect(stderr).toMatch(/the target keeps a secret of its own/);
    expect(code).toBe(0);
  });

  it("copies a database that is a copy of another file's bytes as nothing new", async () => {
    const folder = await filled();
    copyFileSync(join(folder, "data/conversations.db"), join(folder, "same.db"));
    expect(JSON.parse((await copy(folder, "--to", "sqlite:./same.db", "--json")).stdout)).toMatchObject({
      data: { added: 0, replaced: 0 },
    });
  });
});
