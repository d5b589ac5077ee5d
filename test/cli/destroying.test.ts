import { describe, expect, it } from "vitest";
import { describeWith } from "../engines.ts";
import { itera, type Ended } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const OLD = "ITERA_20100125_143052_A7B9X2M8P4Q1_D";
const ANNA = "ITERA_20250125_143052_A7B9X2M8P4Q1_D";
const ALSO_ANNA = "ITERA_20250126_143052_A7B9X2M8P4Q1_D";
const BRUNO = "ITERA_20250127_143052_A7B9X2M8P4Q1_D";

const chat = (id: string, email: string, ...said: string[]) => ({
  id,
  metadata: { email },
  messages: said.map((content) => ({ role: "user", content })),
});

/** A folder with four archived chats, the first of them past retention. */
async function withChats(): Promise<{ folder: string; run: (...args: string[]) => Promise<Ended> }> {
  const folder = temporaryFolder();
  const lines = [
    chat(OLD, "old@example.com", "Salve"),
    chat(ANNA, "anna@example.com", "Ciao", "Non va"),
    chat(ALSO_ANNA, "Anna@Example.com ", "Di nuovo"),
    chat(BRUNO, "bruno@example.com", "Eccomi"),
  ];
  const imported = await itera(["import", "-"], { folder, input: lines.map((line) => JSON.stringify(line)).join("\n") });
  expect(imported.stdout).toBe("4 imported, 0 skipped, none failed.\n");
  return { folder, run: (...args) => itera(args, { folder }) };
}

const ids = (exported: Ended): string[] => [...exported.stdout.matchAll(/^\{"id":"(\w+)"/gm)].map((match) => match[1]!);

describe("what destroys", () => {
  it("does nothing without --yes where nobody can be asked, and says what it would remove and how", async () => {
    const { run } = await withChats();
    const before = await run("export");
    expect(ids(before)).toHaveLength(4);
    const attempts: [args: string[], removes: string, details: object][] = [
      [["erase", ANNA], `Erasing ${ANNA} removes 2 messages and all metadata for good`, { conversations: 1, messages: 2 }],
      [["archive", BRUNO, "--wipe"], `Wiping ${BRUNO} removes 1 message and all metadata for good`, { conversations: 1, messages: 1 }],
      [["erase-subject", "email", "anna@example.com"], "removes 2 conversations with 3 messages", { conversations: 2, messages: 3 }],
      [["purge"], "Purging removes 1 conversation, last active before", { conversations: 1 }],
    ];
    for (const [args, removes] of attempts) {
      const plain = await run(...args);
      expect(plain.stdout).toBe("");
      expect(plain.stderr).toContain(removes);
      expect(plain.stderr).toContain("Nothing was changed.\nAdd --yes to do it");
      expect([args, plain.code]).toEqual([args, 4]);
    }
    const [args, , details] = attempts[0]!;
    const json = await run(...args, "--json");
    expect(json.stdout).toBe("");
    expect(JSON.parse(json.stderr)).toMatchObject({ success: false, code: "forbidden", details });
    expect(json.code).toBe(4);
    expect((await run("export")).stdout).toBe(before.stdout);
  });

  it("only counts in a dry run", async () => {
    const { run } = await withChats();
    const before = await run("export");
    const erase = await run("erase", ANNA, "--dry-run", "--yes");
    expect(erase.stdout).toBe(`Erasing ${ANNA} would remove 2 messages and all metadata. Nothing was changed.\n`);
    const subject = await run("erase-subject", "email", "ANNA@example.com", "--dry-run", "--yes");
    expect(subject.stdout).toBe(`${ANNA}      2 messages\n${ALSO_ANNA}       1 message\n2 would be erased. Nothing was changed.\n`);
    const purge = await run("purge", "--dry-run", "--yes", "--json");
    expect(JSON.parse(purge.stdout)).toMatchObject({ success: true, data: { dryRun: true, rows: 1, held: 0, months: { "2010-01": 1 } } });
    expect([erase.code, subject.code, purge.code]).toEqual([0, 0, 0]);
    expect((await run("export")).stdout).toBe(before.stdout);
  });

  it("does it with --yes, and a legal hold refuses it", async () => {
    const { run } = await withChats();
    await run("hold", ALSO_ANNA, "--reason", "caso 117");
    await run("hold", BRUNO, "--reason", "caso 118");

    const held = await run("erase", BRUNO, "--yes");
    expect(held.stderr).toContain("legal hold");
    expect(held.code).toBe(4);
    expect((await run("archive", BRUNO, "--wipe")).stderr).toContain("legal hold");

    const subject = await run("erase-subject", "email", "anna@example.com", "--yes");
    expect(subject.stdout).toMatch(new RegExp(`^${ANNA} .*\n${ALSO_ANNA} +1 message +kept: .*legal hold.*\n1 erased\\.\n$`));
    expect(subject.stderr).toBe("itera: 1 conversation of this person could not be erased\n");
    expect(subject.code).toBe(4);

    const purged = await run("purge", "--yes");
    expect(purged.stdout).toMatch(/^Purged 1 conversation, last active before \S+ \S+ UTC\.\n2010-01 +1\n$/);
    expect(ids(await run("export"))).toEqual([ALSO_ANNA, BRUNO]);

    await run("release", BRUNO, "--reason", "chiuso");
    const wiped = await run("archive", BRUNO, "--wipe", "--yes", "--reason", "privacy");
    expect(wiped.stdout).toMatch(new RegExp(`^Wiped ${BRUNO} at .*\n {2}removed .*\n {2}overwritten .*\n {2}backups +none are made\n$`));
    expect(wiped.code).toBe(0);
    // It was done before: there is nothing to ask, and the receipt is the first one.
    expect((await run("archive", BRUNO, "--wipe")).stdout).toBe(wiped.stdout);
    expect((await run("show", BRUNO, "--json")).stdout).not.toContain("Eccomi");
    const erased = await run("erase", BRUNO, "--yes");
    expect(erased.stdout).toMatch(new RegExp(`^Erased ${BRUNO} at `));
    expect((await run("erase", BRUNO)).stdout).toBe(erased.stdout);
    expect((await run("show", BRUNO)).code).toBe(3);
  });
});

describeWith("script", "on a terminal", (script) => {
  /** Runs `itera` on a terminal on which somebody types. */
  function onTerminal(folder: string, typed: string, ...args: string[]): Promise<Ended> {
    return itera(args, { folder, input: `${typed}\n`, under: ["sh", "-c", `exec ${script} -qec "$0 $*" /dev/null`] });
  }

  it("what destroys shows what it would remove, and does it after a yes alone", async () => {
    const { folder, run } = await withChats();
    const no = await onTerminal(folder, "no", "erase", ANNA);
    expect(no.stdout).toContain("removes 2 messages and all metadata for good.");
    expect(no.stdout).toContain("It was not confirmed. Nothing was changed.");
    expect(no.code).toBe(4);
    expect((await onTerminal(folder, "", "purge")).code).toBe(4);
    expect(ids(await run("export"))).toHaveLength(4);
    const yes = await onTerminal(folder, "yes", "erase", ANNA);
    expect(yes.stdout).toContain(`Erased ${ANNA} at `);
    expect(yes.code).toBe(0);
    expect(ids(await run("export"))).toEqual([OLD, ALSO_ANNA, BRUNO]);
  });
});
