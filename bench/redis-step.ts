// What a step costs through the library over Redis, against the same done by one hand-written script.

import { createHash } from "node:crypto";
import { memoryStores } from "../src/adapters/memory/memory-stores.ts";
import { singleRedis } from "../src/adapters/redis/redis-link.ts";
import { redisStores } from "../src/adapters/redis/redis-stores.ts";
import { ConversationManager } from "../src/core/manager.ts";
import { onRedis } from "./bench-engines.ts";
import { optionsOf, rowsAsMarkdown, type BenchOptions, type Row } from "./row.ts";
import { FILLED, localContest, measureSteps, readyMessages, UNLIMITED, type StepMessage } from "./step.ts";
import { METADATA, SESSION, WINDOW } from "./what-is-said.ts";

const DAY = 86_400_000;

// KEYS: state, messages. ARGV: now, expiry, session, bytes, window, messages.
const STEP = `
local status, version, seq, bytes, expires, metadata, session =
  unpack(redis.call('HMGET', KEYS[1], 'status', 'version', 'lastSeq', 'bytes', 'expiresAt', 'metadata', 'session'))
if status ~= 'active' or tonumber(expires) <= tonumber(ARGV[1]) then return nil end
redis.call('RPUSH', KEYS[2], ARGV[6], ARGV[7])
redis.call('HSET', KEYS[1], 'version', version + 1, 'lastSeq', seq + 2, 'bytes', bytes + ARGV[4], 'lastActivity', ARGV[1],
  'lastAccess', ARGV[1], 'expiresAt', ARGV[2], 'session', ARGV[3])
return { version + 1, seq + 2, metadata, ARGV[3], redis.call('LRANGE', KEYS[2], -ARGV[5], -1) }
`;
const SHA = createHash("sha1").update(STEP).digest("hex");

const text = ({ key, body, size }: StepMessage, now: number): string => `${now} ${size}\n${key}\n${body}`;

/** Measures steps on Redis: about half a minute. */
export async function run(options: BenchOptions): Promise<Row[]> {
  const rows = await onRedis(async (client, prefix) => {
    const link = singleRedis(client);
    let trips = 0;
    const counting = {
      ...link,
      send: (key: string, args: string[]) => {
        trips++;
        return link.send(key, args);
      },
    };
    const { archive, directory, records } = memoryStores();
    const { hot } = await redisStores({ client: counting, prefix: `${prefix}ours:` });
    const manager = new ConversationManager({ hot, archive, directory, records }, { limits: UNLIMITED });
    await client.sendCommand(["SCRIPT", "LOAD", STEP]);
    let seen = 0;
    const contest = await localContest({
      engine: "Redis",
      yardstick: "one hand-written script",
      trips: "scripts",
      manager,
      counted: () => trips,
      async addHand(number) {
        const now = Date.now();
        const state = { status: "active", version: 1, lastSeq: FILLED, bytes: 0, created: now, lastActivity: now, expiresAt: now + DAY };
        const texts = { metadata: JSON.stringify(METADATA), session: JSON.stringify(SESSION) };
        await client.hSet(`${prefix}hand:${number}`, { ...state, ...texts });
        await client.rPush(
          `${prefix}hand:${number}:messages`,
          readyMessages(FILLED).map((one) => text(one, now)),
        );
      },
      async hand(number) {
        const now = Date.now();
        const messages = readyMessages(2);
        const bytes = messages.reduce((sum, { size }) => sum + size, 0);
        const keys = [`${prefix}hand:${number}`, `${prefix}hand:${number}:messages`];
        const args = [now, now + 2 * DAY, JSON.stringify(SESSION), bytes, WINDOW].map(String);
        const answer: unknown = await client.sendCommand(["EVALSHA", SHA, "2", ...keys, ...args, ...messages.map((one) => text(one, now))]);
        // The cast: what the script answers.
        const [, , metadata, session, window] = answer as [number, number, string, string, string[]];
        if (window.length !== WINDOW) throw new Error("the window is wrong");
        seen += Object.keys(JSON.parse(metadata) as object).length + Object.keys(JSON.parse(session) as object).length;
      },
    });
    const measured = await measureSteps(contest, options);
    if (seen === 0) throw new Error("nothing was read");
    await manager.close();
    return measured;
  });
  return rows ?? [];
}

if (import.meta.main) console.log(rowsAsMarkdown(await run(optionsOf(process.argv))));
