/** The server as a process: greets, runs until a signal comes, stops without cutting anyone off, and has an exit code. */
import type { Config } from "./config.ts";
import { createLog } from "./log.ts";
import { startServer, type RunningServer } from "./server.ts";
import { nameOf } from "./store-url.ts";
import { limitYoungHeap } from "./young-heap.ts";

/** With what is left of 15 seconds after requests had 10 of them. */
const STOP_MS = 14_000;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Where conversations are kept, without any address. */
function placesOf({ database, hotStore }: Config): string {
  return hotStore === null ? nameOf(database) : `${nameOf(database)}, live ones in ${nameOf(hotStore)}`;
}

function greeting(url: string, config: Config): string {
  return `itera-conversations serves on ${url}
Conversations are kept in ${placesOf(config)} (${config.environment}).

Try:
  curl -X POST ${url}/api/v1/conversations

All routes: ${url}/docs
Stop with Ctrl+C.
`;
}

/**
 * Serves until SIGTERM or SIGINT, then stops gracefully; a second signal ends the process at once. What the server
 * answers to goes to standard output: a greeting, or with `json` a line `{"url": …}`; the log goes to standard error.
 * Resolves with the exit code. Throws what `startServer` throws.
 */
export async function serve(config: Config, options: { json?: boolean } = {}): Promise<number> {
  const log = createLog(config.logLevel);
  for (const warning of config.warnings) log.warn(warning);
  const die = (error: unknown): void => {
    log.fatal({ err: error }, "an error that nobody expected; the process ends");
    process.exit(1);
  };
  process.on("uncaughtException", die).on("unhandledRejection", die);

  let stop: (signal: NodeJS.Signals) => void = () => {};
  const signalled = new Promise<NodeJS.Signals>((resolve) => (stop = resolve));
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (++signals > 1) process.exit(signal === "SIGINT" ? 130 : 143);
    stop(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  const waiting = new AbortController();
  void signalled.then(() => waiting.abort());
  let server: RunningServer;
  try {
    server = await startServer(config, { log, giveUp: waiting.signal });
  } catch (error) {
    // It was told to stop while it waited for its stores.
    if (waiting.signal.aborted) return 0;
    throw error;
  }
  limitYoungHeap();
  process.stdout.write(options.json ? `${JSON.stringify({ url: server.url })}\n` : greeting(server.url, config));
  log.info({ url: server.url }, "serving");

  const signal = await signalled;
  log.info({ signal }, "stopping");
  const late = setTimeout(() => {
    log.error("not stopped in time; the process ends");
    process.exit(1);
  }, STOP_MS);
  await server.close();
  clearTimeout(late);
  log.info("stopped");
  return 0;
}
