// The same journey on Node and in workerd: over SQLite, over objects with D1, over KV with D1, and over KV alone as older deployments have it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { bundle, startWorker, temporaryFolder, type Bindings } from "../deployed-worker.ts";
import { describeWith } from "../engines.ts";
import { startMain } from "../processes.ts";
import { makeDatabase } from "../workers-postgres/database.ts";
import { journey, type StepResult } from "./journey.ts";

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "itera-journeys-"));
  script = await bundle("wrangler.jsonc", "development", folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What went wrong, and what the store says that it cannot do. */
function told(results: readonly StepResult[]): { failed: string[]; notSupported: string[] } {
  const of = (outcome: StepResult["outcome"]) => results.filter((result) => result.outcome === outcome);
  return { failed: of("failed").map(({ name, said }) => `${name}: ${said}`), notSupported: of("not supported").map(({ name }) => name) };
}

const WITHOUT_DIRECTORY = ["operators find it in the list", "its events are told in order", "days are counted"];
const ON_KV = ["a request repeated under its idempotency key adds nothing", ...WITHOUT_DIRECTORY];

test("on Node, over SQLite", async () => {
  const { url } = await startMain({ folder: await temporaryFolder() });
  expect(told(await journey(url))).toEqual({ failed: [], notSupported: [] });
});

const DEVELOPMENT = { ENVIRONMENT: "development" };
const CASES: [string, Bindings, string[]][] = [
  ["objects with D1", { kv: ["CHAT_SESSIONS"], d1: ["CONVERSATIONS_DB"], objects: { CONVERSATIONS: "ConversationObject" } }, []],
  ["objects alone", { objects: { CONVERSATIONS: "ConversationObject" } }, WITHOUT_DIRECTORY],
  ["KV with D1", { kv: ["CHAT_SESSIONS"], d1: ["CONVERSATIONS_DB"] }, ON_KV],
  ["KV alone", { kv: ["CHAT_SESSIONS"] }, ON_KV],
];

test.each(CASES)("in workerd, over %s", async (_, bindings, notSupported) => {
  const { url, lines } = await startWorker(script, await temporaryFolder(), { ...bindings, variables: DEVELOPMENT });
  expect(told(await journey(url))).toEqual({ failed: [], notSupported });
  expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
});

describeWith("postgresql", "with PostgreSQL behind Hyperdrive", (at) => {
  test("in workerd, over objects", async () => {
    process.env["TEST_POSTGRES_URL"] ??= at;
    const database = await makeDatabase();
    onTestFinished(() => database.dispose());
    const place = await temporaryFolder();
    const module = await bundle("wrangler.jsonc", "development", place, "src/runtimes/worker/main-postgres.ts");
    const bindings = { objects: { CONVERSATIONS: "ConversationObject" }, hyperdrive: database.url, variables: DEVELOPMENT };
    const { url, scheduled, stop, lines } = await startWorker(module, place, bindings);
    expect(told(await journey(url))).toEqual({ failed: [], notSupported: [] });
    expect(await scheduled("* * * * *")).toBe(true);
    expect(await scheduled("7 * * * *")).toBe(true);
    await stop();
    expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test("a Worker that was built without it says so", async () => {
    const { url, lines } = await startWorker(script, await temporaryFolder(), {
      kv: ["CHAT_SESSIONS"],
      hyperdrive: "postgresql://nobody:none@127.0.0.1:9/none",
      variables: DEVELOPMENT,
    });
    expect((await fetch(`${url}/health`)).status).toBe(500);
    expect(lines.join("\n")).toContain("main-postgres.ts");
  });
});
