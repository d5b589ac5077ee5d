import { execFile } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createServer, connect, type AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { ExportLine } from "../../src/core/transfer.ts";
import { itera, main, startItera, startMain } from "../processes.ts";
import { readAnswers } from "../raw-http.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const run = promisify(execFile);
const HEALTHY = { hot: "ok", archive: "ok", sweep: "ok", outbox: "ok", disk: "ok" };

/** Posts on a connection that is kept; rejects if the connection is cut. */
function post(agent: Agent, url: string, body: object): Promise<{ status: number; data: { id: string } }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: "POST", headers: { "content-type": "application/json" } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode!, ...(JSON.parse(text) as { data: { id: string } }) }));
      response.on("error", reject);
    });
    sent.on("error", reject).end(JSON.stringify(body));
  });
}

describe("a server", () => {
  it("serves from an empty folder, is healthy, and its greeting's curl line works as it is printed", async () => {
    const folder = temporaryFolder();
    const server = await startMain({ folder });
    const line = server
      .stdout()
      .split("\n")
      .find((each) => each.trim().startsWith("curl "))!;
    const { stdout } = await run("sh", ["-c", line]);
    expect(JSON.parse(stdout)).toMatchObject({ success: true, conversationId: expect.stringMatching(/^ITERA_.*_D$/) as string });
    const health = (await (await fetch(`${server.url}/health`)).json()) as object;
    expect(health).toMatchObject({ status: "ok", checks: HEALTHY });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it("shows its documentation without asking anyone else", async () => {
    const server = await startMain({ folder: temporaryFolder() });
    const page = await fetch(`${server.url}/docs`);
    expect(page.status).toBe(200);
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!).filter((file) => !file.startsWith("data:"));
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const answer = await fetch(new URL(file, `${server.url}/docs`));
      expect([file, answer.status]).toEqual([file, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  });

  it("takes .env of its folder, under the environment", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, ".env"), "CONVERSATION_ID_PREFIX=FILE\nDATABASE_URL=sqlite:./elsewhere/chats.db\nPORT=1\n");
    const server = await startMain({ folder, env: { CONVERSATION_ID_PREFIX: "SHOP" } });
    expect(server.stdout()).toContain(join(folder, "elsewhere/chats.db"));
    const created = (await (await fetch(`${server.url}/api/v1/conversations`, { method: "POST" })).json()) as { conversationId: string };
    expect(created.conversationId).toMatch(/^SHOP_/);
  });

  it("tells its address as JSON where that is wanted", async () => {
    const running = startItera(["serve", "--port", "0", "--json"], { folder: temporaryFolder() });
    await running.saying("\n");
    const { url } = JSON.parse(running.stdout()) as { url: string };
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it.each([
    ["every fault of its configuration", { PORT: "x", LOG_LEVEL: "loud" }, /has 2 faults:\n {2}PORT: .*\n {2}LOG_LEVEL: /, 2],
    [
      "production without API keys",
      { ENVIRONMENT: "production", SECRET: "q5sb8CkpZ6k0rY3hTq8B1vUe0mXoJd7wLfGi2Zt4NcA=" },
      /API_KEYS: there is no API key, and ENVIRONMENT is production, which is served with keys only/,
      2,
    ],
    ["an address that others can reach", { HOST: "0.0.0.0" }, /HOST: 0\.0\.0\.0 can be reached from other machines/, 2],
    [
      "an encryption key that is none",
      { CONVERSATION_ENCRYPTION_KEY: "k1:q5sb8CkpZ6k0" },
      /CONVERSATION_ENCRYPTION_KEY: it is too short/,
      2,
    ],
    ["a folder that cannot be made", { DATABASE_URL: "sqlite:.env/x/y.db" }, /The folder .* cannot be made \(E[A-Z]+\)/, 5],
  ])("does not start on %s: one clear sentence, and an exit code", async (_, env, sentence, exit) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, ".env"), "");
    const { code, stdout, stderr } = await main({ folder, env: { PORT: "0", ...env } });
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
    expect(code).toBe(exit);
  });

  it("does not start where its port is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await main({ folder: temporaryFolder(), env: { PORT: String(port) } });
    taken.close();
    expect(stderr).toContain(`PORT: port ${port} on 127.0.0.1 is in use. Stop what uses it, or set another one`);
    expect(code).toBe(2);
  });

  it("keeps what it is told out of its log", async () => {
    const server = await startMain({ folder: temporaryFolder(), env: { LOG_LEVEL: "trace" } });
    const agent = new Agent({ keepAlive: true });
    const { data } = await post(agent, `${server.url}/api/v1/conversations`, { initialContext: { email: "canary@example.com" } });
    await post(agent, `${server.url}/api/v1/conversations/${data.id}/messages`, { role: "user", content: "canary text" });
    await post(agent, `${server.url}/api/v1/conversations/${data.id}/messages?window=canary`, { content: "canary" });
    server.child.kill("SIGTERM");
    const { stderr } = await server.ended;
    agent.destroy();
    const entries = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string; time: string });
    expect(entries.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(["serving", "[CONVERSATION] CREATED", "[CONVERSATION] UPDATED", "stopping", "stopped"]),
    );
    for (const { time } of entries) expect(time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(stderr).not.toContain("canary");
  });
});

describe("a server that is told to stop", () => {
  it("answers every request that it took, keeps all that it acknowledged, and exits 0", async () => {
    const folder = temporaryFolder();
    const server = await startMain({ folder, env: { LOG_LEVEL: "warn" } });
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const cut: unknown[] = [];
    const acknowledged = new Map<string, number>();
    let refused = 0;

    async function client(): Promise<void> {
      const { data } = await post(agent, `${server.url}/api/v1/conversations`, {});
      acknowledged.set(data.id, 0);
      for (let n = 1; refused < 16; n++) {
        try {
          const { status } = await post(agent, `${server.url}/api/v1/conversations/${data.id}/messages`, {
            role: "user",
            content: `messaggio ${n}`,
          });
          expect(status).toBe(200);
          acknowledged.set(data.id, n);
        } catch (error) {
          // Nothing was sent: there is nobody to connect to any more.
          if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") refused++;
          else cut.push(error);
          return;
        }
      }
    }

    const clients = Array.from({ length: 16 }, client);
    while ([...acknowledged.values()].reduce((a, b) => a + b, 0) < 200) await new Promise((resolve) => setTimeout(resolve, 10));
    server.child.kill("SIGTERM");
    await Promise.all(clients);
    agent.destroy();
    const { code, signal } = await server.ended;
    expect({ code, signal, cut }).toEqual({ code: 0, signal: null, cut: [] });
    const { stdout } = await itera(["export"], { folder });
    const stored = new Map(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as ExportLine)
        .map((line) => [line.id, line.messageCount]),
    );
    expect(stored).toEqual(acknowledged);
  });

  it("lets a request finish that is still arriving, refuses new connections, and ends at once on a second signal", async () => {
    const server = await startMain({ folder: temporaryFolder() });
    const { port } = new URL(server.url);
    const begin = "POST /api/v1/conversations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    const [slow, never] = [connect(Number(port), "127.0.0.1"), connect(Number(port), "127.0.0.1").on("error", () => {})];
    slow.write(begin);
    never.write(begin);
    const chunks: Buffer[] = [];
    slow.on("data", (chunk: Buffer) => chunks.push(chunk));
    // The server answers this one after it has taken those two.
    await fetch(`${server.url}/livez`, { headers: { connection: "close" } });
    server.child.kill("SIGTERM");
    await expect
      .poll(() => fetch(`${server.url}/livez`, { headers: { connection: "close" } }).catch(() => "refused"), { timeout: 10_000 })
      .toBe("refused");
    slow.write("}");
    await once(slow, "close");
    expect(readAnswers(Buffer.concat(chunks)).answers).toMatchObject([{ status: 200, headers: { connection: "close" } }]);
    expect(server.child.exitCode).toBeNull();
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(143);
    never.destroy();
  });

  it("does not wait for connections that say nothing", async () => {
    const server = await startMain({ folder: temporaryFolder() });
    const port = Number(new URL(server.url).port);
    const quiet = connect(port, "127.0.0.1").on("error", () => {});
    await once(quiet, "connect");
    const agent = new Agent({ keepAlive: true });
    await post(agent, `${server.url}/api/v1/conversations`, {});
    server.child.kill("SIGTERM");
    const cut = new Promise((resolve) => setTimeout(() => resolve("still there"), 8000).unref());
    // What is cut only with the last of the requests in flight is there for ten seconds.
    expect(await Promise.race([server.ended.then(({ code }) => code), cut])).toBe(0);
    agent.destroy();
    quiet.destroy();
  });

  it("stops on Ctrl+C as well", async () => {
    const running = startItera(["serve", "--port", "0"], { folder: temporaryFolder() });
    await running.saying("Stop with Ctrl+C.");
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(0);
  });
});
