import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { itera, startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { ALL_WELL, createLedger } from "./ledger.ts";
import { createRequests, ok } from "./requests.ts";
import { listAll, transcript } from "./stored.ts";
import { createWire } from "./wire.ts";

/** Stands for what somebody said, in what is damaged. A parser that fails quotes it. */
const CANARY = "canary";

/** What somebody's disk, or somebody's shell, may have done to a record of the conversation `id`, and which reads of it cannot be answered. */
const DAMAGES: [what: string, sql: string, failing: string[]][] = [
  [
    "a message that is no JSON",
    `UPDATE messages SET body = '${CANARY}' WHERE place >> 22 = (SELECT n FROM live WHERE id = ?1) AND place & 4194303 = 2`,
    ["", "?touch=false", "/messages"],
  ],
  ["metadata that are no JSON", `UPDATE live SET metadata = '${CANARY}' WHERE id = ?1`, ["", "?touch=false", "?messages=none"]],
  ["a state that is no JSON", `UPDATE live SET session = '${CANARY}' WHERE id = ?1`, ["", "?touch=false", "?messages=none"]],
  ["subjects that are no JSON", `UPDATE live SET subjects = '[${CANARY}' WHERE id = ?1`, ["", "?touch=false", "?messages=none"]],
];

/** Makes a conversation one of which nothing has been passed on, so that the jobs meet the damage too. */
const NOT_PASSED_ON = [
  "DELETE FROM said_until WHERE id = ?1",
  "DELETE FROM outbox WHERE id = ?1 AND type IS NULL",
  "INSERT INTO outbox (id, version) SELECT id, version FROM live WHERE id = ?1",
];

describe("a server one of whose records is damaged", () => {
  it.each(DAMAGES)("by %s: says so for that conversation, and serves all others", { timeout: 120_000 }, async (_, sql, failing) => {
    const folder = temporaryFolder();
    const server = await startMain({ folder, env: { LOG_LEVEL: "error" } });
    const wire = createWire();
    const ledger = createLedger();
    const { create, append, on } = createRequests(wire, () => server.url, ledger);
    const ids = await Promise.all(Array.from({ length: 5 }, create));
    for (const id of ids) for (let n = 0; n < 4; n++) await append(id, `${n} of ${id}`);
    const [damaged, ...others] = ids as [string, ...string[]];

    const database = new DatabaseSync(join(folder, "data/conversations.db"), { timeout: 10_000 });
    database.exec("BEGIN IMMEDIATE");
    expect(database.prepare(sql).run(damaged).changes).toBe(1);
    for (const statement of NOT_PASSED_ON) database.prepare(statement).run(damaged);
    database.exec("COMMIT");
    database.close();

    for (const path of failing) {
      const { status, text, headers } = await on(damaged, "GET", path);
      expect([path, status]).toEqual([path, 500]);
      expect(JSON.parse(text)).toEqual({
        success: false,
        error: "Failed to retrieve conversation",
        code: "internal",
        requestId: headers["x-request-id"],
      });
    }
    // Whoever operates it is told which one it is, and not what was said in it.
    expect(server.stderr()).toContain(`of conversation ${damaged} cannot be read; restore this conversation from a backup`);

    await expect.poll(() => server.stderr(), { timeout: 60_000 }).toContain('"during":"outbox"');
    for (const id of others) {
      await append(id, `after the damage of ${id}`);
      ok(await on(id, "GET"));
      ok(await on(id, "DELETE"));
    }
    const stored = new Map(await Promise.all(others.map(async (id) => [id, await transcript(wire, server.url, id)] as const)));
    expect(ledger.compare(stored).lost.filter((line) => !line.startsWith(damaged))).toEqual([]);
    expect({ ...ledger.compare(stored), lost: [] }).toEqual(ALL_WELL);
    // The list, the sweep and health are there for all.
    expect((await listAll(wire, server.url)).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await itera(["sweep", "--json"], { folder })).toMatchObject({ code: 0 });
    expect(ok(await wire.send("GET", `${server.url}/health`)).json()).toMatchObject({ checks: { hot: "ok", archive: "ok", outbox: "ok" } });
    expect(server.child.exitCode).toBeNull();
    expect(server.stderr()).not.toContain(CANARY);
  });
});
