// The whole API as a request listener: opened by its first request, closed by `close`, and never what keeps a process alive.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import request from "supertest";
import { afterEach, describe, expect, it, vi } from "vitest";
import defaultApp, { createNodeListener, type App } from "../../src/runtimes/node/app.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const BASE = "/api/v1/conversations";
const APP = fileURLToPath(new URL("../../src/runtimes/node/app.ts", import.meta.url));

const open: App[] = [];
function listener(env: Record<string, string>, folder = temporaryFolder()): App {
  const app = createNodeListener({ env: { LOG_LEVEL: "fatal", ...env }, folder });
  open.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
  await defaultApp.close();
});

describe("the listener", () => {
  it("serves the whole API, and in tests keeps everything in memory, writing no file", async () => {
    const folder = temporaryFolder();
    const app = listener({ NODE_ENV: "test" }, folder);
    const created = await request(app).post(BASE).send({ source: "test" });
    expect(created.body).toMatchObject({ success: true, data: { metadata: { source: "test" } } });
    const { conversationId } = created.body as { conversationId: string };
    await request(app).post(`${BASE}/${conversationId}/messages`).send({ role: "user", content: "hello" });
    expect((await request(app).get(`${BASE}?source=test`)).body.data).toHaveLength(1);
    expect((await request(app).get("/health")).body).toMatchObject({ status: "ok" });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("keeps conversations in the configured database, also over a close", async () => {
    const folder = temporaryFolder();
    const app = listener({ NODE_ENV: "test", DATABASE_URL: "sqlite:./chats.db" }, folder);
    const { conversationId } = (await request(app).post(BASE)).body as { conversationId: string };
    await app.close();
    expect((await request(app).get(`${BASE}/${conversationId}`)).body).toMatchObject({ success: true, data: { id: conversationId } });
    expect(readdirSync(folder)).toContain("chats.db");
  });

  it("outside of tests the default database is a file", async () => {
    const folder = temporaryFolder();
    expect((await request(listener({ NODE_ENV: "development" }, folder)).post(BASE)).status).toBe(200);
    expect(readdirSync(folder)).toEqual(["data"]);
  });

  it("a configuration that is wrong is a 500 without a word of it, and is read again by the next request", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const folder = temporaryFolder();
    const app = listener({ NODE_ENV: "test" }, folder);
    writeFileSync(join(folder, ".env"), "CONVERSATION_TTL_HOURS=never\n");
    const refused = await request(app).get("/health");
    expect([refused.status, refused.body]).toEqual([
      500,
      {
        success: false,
        error: "The service is not configured correctly; its log says what is wrong",
        code: "internal",
        requestId: expect.any(String),
      },
    ]);
    expect(errors.mock.calls.flat().join()).toContain("CONVERSATION_TTL_HOURS");
    writeFileSync(join(folder, ".env"), "");
    expect((await request(app).get("/health")).status).toBe(200);
    errors.mockRestore();
  });

  it("a store that cannot be opened is a 503", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    const folder = temporaryFolder();
    writeFileSync(join(folder, "occupied"), "");
    const refused = await request(listener({ NODE_ENV: "test", DATABASE_URL: "sqlite:./occupied/chats.db" }, folder)).get("/health");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    errors.mockRestore();
  });

  it("refuses what the server refuses: other methods, and callers through a proxy", async () => {
    const app = listener({ NODE_ENV: "test" });
    expect((await request(app).trace("/")).status).toBe(405);
    expect((await request(app).get(`${BASE}?limit=1`).set("x-forwarded-for", "203.0.113.9")).status).toBe(401);
    expect((await request(listener({ NODE_ENV: "test", HOST: "0.0.0.0" })).get(BASE)).status).toBe(401);
  });

  it("the default export is the listener of the process", async () => {
    expect((await request(defaultApp).post(BASE)).status).toBe(200);
  });

  it.each([
    ["in memory", {}],
    ["on a file", { DATABASE_URL: "sqlite:./chats.db" }],
  ])("keeps no process alive %s", async (_where, env) => {
    const script = `
      import { createServer } from "node:http";
      import app from ${JSON.stringify(APP)};
      const server = createServer(app).listen(0, "127.0.0.1", async () => {
        const response = await fetch(\`http://127.0.0.1:\${server.address().port}${BASE}\`, { method: "POST" });
        process.stdout.write(String(response.status));
        server.close();
        server.closeAllConnections();
      });`;
    const folder = temporaryFolder();
    writeFileSync(join(folder, "serve.mjs"), script);
    const child = spawn(process.execPath, ["serve.mjs"], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", NODE_ENV: "test", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    // Only a hang is caught: an idle keep-alive or job would hold the process far longer.
    const hang = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(hang);
    expect({ code, output }).toEqual({ code: 0, output: "200" });
  });
});
