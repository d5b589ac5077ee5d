// `npm run worker:dev`, `worker:build` and `test:integration`, as somebody runs them who has just cloned the project: no login, no network.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { journey } from "../journeys/journey.ts";
import { temporaryFolder } from "../deployed-worker.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** Runs `npm run worker:dev` on a free port, with its data in a folder of its own; answers where it serves. */
async function startDev(): Promise<string> {
  const folder = await temporaryFolder();
  const child = spawn(process.execPath, [join(ROOT, "scripts/worker-dev.ts"), "--port", "0", "--persist-to", folder], {
    cwd: ROOT,
    // Nobody is logged in, and a proxy that nobody listens at keeps every request from leaving this machine.
    env: { PATH: process.env.PATH ?? "", HOME: folder, HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  while (!/Ready on/.test(said)) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
    await Promise.race([once(child.stdout, "data"), ended]);
  }
  return /Ready on (http:\/\/\S+)/.exec(said)![1]!;
}

test("the README's lines for curl and the journey work on worker:dev, and its page and cron are there", async () => {
  const url = await startDev();

  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const shell = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map((match) => match[1]!).find((block) => block.includes("curl"))!;
  const script = shell.replaceAll("http://127.0.0.1:8787", url).replaceAll("curl -s ", "curl -s -w '\\n' ");
  const answers = (await run("sh", ["-e", "-c", script])).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { success: boolean; data: { status?: string; messages?: unknown[] } });
  expect(answers.map(({ success }) => success)).toEqual([true, true, true, true, true]);
  expect(answers[2]!.data.messages).toHaveLength(2);
  expect(answers.at(-1)!.data.status).toBe("archived");

  const { code, stdout } = await integration(url);
  expect(stdout).toMatch(/\d+ ok, 0 failed, 0 not supported by its stores/);
  expect(code).toBe(0);

  expect((await fetch(`${url}/docs`)).status).toBe(200);
  expect((await fetch(`${url}/docs/swagger-ui.css`)).headers.get("content-type")).toContain("text/css");
  expect((await fetch(`${url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`)).status).toBe(200);
});

/** Runs `npm run test:integration` to its end, whatever that is. */
async function integration(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [join(ROOT, "scripts/integration.ts"), ...args])) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test("test:integration says what failed, and ends with 1", async () => {
  const { code, stdout } = await integration("http://127.0.0.1:9");
  expect(code).toBe(1);
  expect(stdout).toMatch(/it is alive, healthy and ready +FAILED/);
  expect(stdout).toMatch(/0 ok, 1 failed/);
});

test("an address that takes a connection and says nothing ends the journey at its first step", async () => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  onTestFinished(() => void silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const results = await journey(`http://127.0.0.1:${port}`, { patienceMs: 50 });
  expect(results).toMatchObject([{ outcome: "failed", said: expect.stringContaining("did not answer within 50 ms") as string }]);
});

test("test:integration without an address says what to give, and ends with 2", async () => {
  const { code, stderr } = await integration();
  expect(code).toBe(2);
  expect(stderr).toContain("npm run test:integration --");
});

test("worker:build makes the bundle of production, at most 150 kB compressed", async () => {
  const folder = await temporaryFolder();
  const { stdout } = await run(process.execPath, [join(ROOT, "scripts/worker-build.ts"), folder], { cwd: ROOT });
  expect(stdout).toMatch(/main\.js has \d+ bytes compressed, of 150000/);
  // What only Node has is not in it.
  const code = await readFile(join(folder, "main.js"), "utf8");
  expect(code).not.toMatch(/from"node:(fs|sqlite|child_process|worker_threads|http|readline)/);
});

test("worker:build measures the Worker with PostgreSQL too, at most 165 kB compressed, in which there is nothing of D1", async () => {
  const folder = await temporaryFolder();
  const configuration = join(folder, "wrangler.jsonc");
  const text = await readFile(join(ROOT, "wrangler.jsonc"), "utf8");
  const from = (path: string): string => JSON.stringify(join(ROOT, path));
  await writeFile(
    configuration,
    text
      .replace('"src/runtimes/worker/main.ts"', from("src/runtimes/worker/main-postgres.ts"))
      .replace('"./dist/api-page"', from("dist/api-page")),
  );
  const { stdout } = await run(process.execPath, [join(ROOT, "scripts/worker-build.ts"), join(folder, "built"), configuration], {
    cwd: ROOT,
  });
  expect(stdout).toMatch(/main-postgres\.js has \d+ bytes compressed, of 165000/);
  expect(await readFile(join(folder, "built/main-postgres.js"), "utf8")).not.toContain("The D1 database");
});
