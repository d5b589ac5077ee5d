// `npm run worker:dev`: the Worker on this machine, in the runtime that Cloudflare uses, with no login and no network. Its data are in
// `.wrangler`. Arguments go on to `wrangler dev`. Locally crons never fire by themselves, so this fires them.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CRONS } from "../src/runtimes/worker/jobs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const given = process.argv.slice(2);
const has = (name: string): boolean => given.some((argument) => argument === name || argument.startsWith(`${name}=`));

if (!existsSync(join(root, "dist/api-page"))) {
  console.error("worker:dev: the files of the API page are missing; run `npm run build` once");
  process.exit(1);
}

const MINUTE = 60_000;
const FIRST_MS = 2000;

const child = spawn(
  process.execPath,
  [
    join(root, "node_modules/wrangler/bin/wrangler.js"),
    "dev",
    ...(has("--config") || has("-c") ? [] : ["--config", join(root, "wrangler.jsonc")]),
    // Another configuration has environments of its own, or none.
    ...(has("--env") || has("-e") || has("--config") || has("-c") ? [] : ["--env", "development"]),
    ...(has("--port") ? [] : ["--port", "8787"]),
    ...(has("--inspector-port") ? [] : ["--inspector-port", "0"]),
    "--local",
    "--show-interactive-dev-session=false",
    ...given,
  ],
  {
    stdio: ["inherit", "pipe", "inherit"],
    env: { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", ...process.env },
  },
);

/** Fires a cron, as Cloudflare would. What fails is in the Worker's own log. */
async function fire(url: string, cron: string): Promise<void> {
  try {
    await (await fetch(`${url}/cdn-cgi/handler/scheduled?${new URLSearchParams({ cron }).toString()}`)).text();
  } catch {
    // It is starting again, or has ended.
  }
}

function keepTime(url: string): void {
  let minutes = 0;
  const tick = async (): Promise<void> => {
    await fire(url, CRONS.minute);
    if (minutes++ % 60 === 0) await fire(url, CRONS.hour);
  };
  setTimeout(() => void tick(), FIRST_MS).unref();
  setInterval(() => void tick(), MINUTE).unref();
}

let said = "";
child.stdout.setEncoding("utf8").on("data", (text: string) => {
  process.stdout.write(text);
  if (said === "done") return;
  said += text;
  const url = /Ready on (http:\/\/\S+)/.exec(said)?.[1];
  if (url === undefined) return;
  said = "done";
  keepTime(url);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" || signal === "SIGTERM" ? 0 : 1)));
