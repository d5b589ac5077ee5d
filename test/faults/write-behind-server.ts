// CONTROL: the server with one fault. It answers from memory and commits to its file 50 ms later, so whoever kills it loses what it
// has acknowledged. A test of loss that does not notice this server proves nothing.

import { ConversationManager } from "../../src/core/manager.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { readConfig } from "../../src/runtimes/node/config.ts";
import { listen } from "../../src/runtimes/node/http-server.ts";
import { startJobs } from "../../src/runtimes/node/jobs.ts";
import { createLog } from "../../src/runtimes/node/log.ts";
import { nodeApp } from "../../src/runtimes/node/node-app.ts";
import { openStores } from "../../src/runtimes/node/open-manager.ts";
import { createApiKeys } from "../../src/security/api-keys.ts";
import { serviceSecret } from "../../src/runtimes/node/service-secret.ts";

const BEHIND_MS = 50;

const config = readConfig();
const log = createLog(config.logLevel);
const { stores: file, files } = await openStores(config);
const memory = memoryStores();

for (let after: string | null = null; ;) {
  const heads = await file.hot.scan(after, 1000);
  for (const { id } of heads) await memory.hot.create((await file.hot.read(id, Infinity))!);
  if (heads.length === 0) break;
  after = heads.at(-1)!.id;
}

let behind: (() => Promise<unknown>)[] = [];
let writing = Promise.resolve();
setInterval(() => {
  const due = behind;
  behind = [];
  for (const write of due) writing = writing.then(async () => void (await write()));
}, BEHIND_MS);

const hot: HotStore = {
  ...memory.hot,
  async create(whole, options) {
    const result = await memory.hot.create(whole, options);
    if (result.outcome === "done") behind.push(() => file.hot.create(whole, options));
    return result;
  },
  async commit(id, change) {
    const result = await memory.hot.commit(id, change);
    if (result.outcome === "done") behind.push(() => file.hot.commit(id, change));
    return result;
  },
};

const manager = new ConversationManager({ ...memory, hot }, { environment: config.letter });
const jobs = startJobs(manager, config.cleanupIntervalHours, log, async () => {});
const secret = await serviceSecret(config, memory.records);
const keys = createApiKeys({ records: memory.records, secret });
const app = nodeApp(config, { manager, secret, keys, limiter: null, files }, jobs, log);
const http = await listen(app, { host: config.host, port: config.port, onError: (error) => log.error({ err: error }, "failed") });
process.once("SIGTERM", () => process.exit(0));
console.log(`the control serves on http://${config.host}:${http.address.port}\nStop with Ctrl+C.`);
