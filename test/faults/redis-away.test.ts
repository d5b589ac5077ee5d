import { createClient } from "redis";
import { describeWith } from "../engines.ts";
import { startRedisServer } from "../redis-server.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { whileAway } from "./engine-away.ts";

// That it can be started here is what the engine's presence says.
describeWith("redis", "a Redis under the server, which logs every command before it answers", () => {
  whileAway(async () => {
    const server = await startRedisServer({ flags: { appendonly: "yes", appendfsync: "always" } });
    const ask = async (...args: string[]): Promise<string> => {
      const client = await createClient({ url: server.url }).connect();
      try {
        const reply: unknown = await client.sendCommand(args);
        return typeof reply === "string" ? reply : "";
      } finally {
        await client.close();
      }
    };
    return {
      engine: {
        ...server,
        cut: async () => void (await ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
        connections: async () =>
          (await ask("CLIENT", "LIST")).split("\n").filter((line) => line.includes("name=itera-conversations")).length,
      },
      env: { DATABASE_URL: `sqlite:${temporaryFolder()}/chats.db`, HOT_STORE_URL: server.url },
    };
  });
});
