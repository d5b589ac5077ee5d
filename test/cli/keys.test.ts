import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { itera, main, startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SECRET = randomBytes(32).toString("base64");
const STAGING = { ENVIRONMENT: "staging", SECRET };
const CONVERSATIONS = "/api/v1/conversations";

/** What an operator types in a folder, with what the environment says. */
function inFolder(env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const run = (args: string[], more: Record<string, string> = {}) => itera(args, { folder, env: { ...env, ...more } });
  return { folder, run };
}

const create = (url: string, key?: string): Promise<Response> =>
  fetch(url + CONVERSATIONS, { method: "POST", ...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }) });

describe("outside development", () => {
  it("a server without a key refuses to start, and says how to make one", async () => {
    const { code, stderr } = await main({ folder: temporaryFolder(), env: { ...STAGING, PORT: "0" } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/API_KEYS: there is no API key.*itera keys create --scope admin/is);
  });

  it("a key that the command made gets in, one that it revoked does not, and nobody gets in without", async () => {
    const { folder, run } = inFolder(STAGING);
    const made = await run(["keys", "create", "--scope", "service", "--name", "chatbot"]);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("not shown again") });
    const key = made.stdout.trim();
    const server = await startMain({ folder, env: STAGING });
    expect((await create(server.url)).status).toBe(401);
    expect((await create(server.url, key)).status).toBe(200);
    expect((await run(["keys"])).stdout).toMatch(/service +chatbot +in force, last used/);
    const id = key.split("_")[2]!;
    expect((await run(["keys", "revoke", id])).code).toBe(0);
    await expect.poll(async () => (await create(server.url, key)).status, { timeout: 25_000, interval: 250 }).toBe(401);
    expect((await run(["keys", "revoke", "nobody"])).code).toBe(3);
    expect(server.stdout() + server.stderr()).not.toContain(key.slice(-49));
  });

  it("a first key from the configuration gets in, and one with a slip is refused at the start", async () => {
    const { folder, run } = inFolder();
    const key = (await run(["keys", "create", "--scope", "admin", "--for-config"])).stdout.trim();
    expect(readdirSync(folder)).toEqual([]);
    const server = await startMain({ folder, env: { ...STAGING, API_KEYS: key } });
    expect((await create(server.url, key)).status).toBe(200);
    const slip = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    const refused = await main({ folder, env: { ...STAGING, API_KEYS: slip, PORT: "0" } });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("checksum") });
    expect(refused.stderr).not.toContain(slip.slice(-49));
  });
});

describe("itera rotate", () => {
  const one = `k1:${randomBytes(32).toString("base64")}`;
  const two = `k2:${randomBytes(32).toString("base64")}`;
  const CANARY = "canarino verde 815";
  const stored = (folder: string) =>
    readdirSync(join(folder, "data"))
      .map((name) => readFileSync(join(folder, "data", name), "latin1"))
      .join("");

  it("encrypts what was not, then moves it from key to key; the old key is not needed afterwards", async () => {
    const { folder, run } = inFolder();
    const id = (await run(["create", "--message", CANARY])).stdout.trim();
    expect(stored(folder)).toContain(CANARY);
    const first = await run(["rotate"], { CONVERSATION_ENCRYPTION_KEY: one });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/1 conversation encrypted\. Nothing is left: all are under k1/) });
    expect((await run(["rotate", "--dry-run"], { CONVERSATION_ENCRYPTION_KEY: `${two},${one}` })).stdout).toMatch(
      /1 conversation still under k1/,
    );
    const second = await run(["rotate", "--json"], { CONVERSATION_ENCRYPTION_KEY: `${two},${one}` });
    expect(JSON.parse(second.stdout)).toMatchObject({ rewrapped: 1, failed: 0, inUse: { byMaster: { k2: 1 }, plain: 0 } });
    const shown = await run(["show", id, "--json"], { CONVERSATION_ENCRYPTION_KEY: two });
    expect(JSON.parse(shown.stdout)).toMatchObject({ data: { messages: [{ content: CANARY }] } });
  });

  it("without a key, or with another one of the same name, every command says so and shows nothing", async () => {
    const { run } = inFolder();
    const id = (await run(["create", "--message", CANARY], { CONVERSATION_ENCRYPTION_KEY: one })).stdout.trim();
    for (const env of [{}, { CONVERSATION_ENCRYPTION_KEY: `k1:${randomBytes(32).toString("base64")}` }]) {
      const { code, stdout, stderr } = await run(["show", id], env);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/CONVERSATION_ENCRYPTION_KEY/);
    }
    expect((await run(["rotate"])).code).toBe(2);
  });
});
