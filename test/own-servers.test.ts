// Servers that a test starts for itself: what they promise to those that freeze, kill and restart them.

import { existsSync } from "node:fs";
import { createClient, createCluster } from "redis";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { describeWith } from "./engines.ts";
import { freshSchema, withClient } from "./postgres.ts";
import { startPostgresServer } from "./postgres-server.ts";
import { startRedisCluster } from "./redis-cluster.ts";
import { startRedisServer } from "./redis-server.ts";

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describeWith("postgresql", "a PostgreSQL of a test's own", (at) => {
  it("takes settings, keeps what was committed when it is killed, and leaves nothing behind", async () => {
    const server = await startPostgresServer({ settings: { max_connections: 7 } });
    onTestFinished(() => server.stop());
    await withClient(server.url, async (client) => {
      expect((await client.query("SHOW max_connections")).rows).toEqual([{ max_connections: "7" }]);
      expect((await client.query("SHOW fsync")).rows).toEqual([{ fsync: "on" }]);
      await client.query("CREATE TABLE kept (word TEXT)");
      await client.query("INSERT INTO kept VALUES ('here')");
    });
    const killed = server.pid();
    await server.kill();
    expect(lives(killed)).toBe(false);
    await server.start();
    const found = await withClient(server.url, async (client) => (await client.query("SELECT word FROM kept")).rows);
    expect(found).toEqual([{ word: "here" }]);
    const pid = server.pid();
    await server.stop();
    await server.stop();
    expect(lives(pid)).toBe(false);
  });

  it("answers nothing while it is frozen, and goes on when it is thawed", async () => {
    const server = await startPostgresServer({ settings: { fsync: "off" } });
    onTestFinished(() => server.stop());
    const client = new pg.Client({ connectionString: server.url, query_timeout: 300 });
    client.on("error", () => {});
    await client.connect();
    server.freeze();
    await expect(client.query("SELECT 1")).rejects.toThrow("Query read timeout");
    server.thaw();
    await client.end();
    await withClient(server.url, async (other) => expect((await other.query("SELECT 2 AS n")).rows).toEqual([{ n: 2 }]));
  });

  it("a schema that a connection was not given back to says so, and is removed all the same", async () => {
    const schema = await freshSchema(at);
    await schema.openPool().connect();
    await expect(schema.dispose()).rejects.toThrow("not given back");
    const { rows } = await withClient(at, (client) => client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema.schema]));
    expect(rows).toEqual([]);
  });
});

describeWith("redis", "a Redis of a test's own", () => {
  it("takes flags, and keeps what it acknowledged when it is killed, if it syncs each write", async () => {
    const server = await startRedisServer({ flags: { appendonly: "yes", appendfsync: "always" } });
    onTestFinished(() => server.stop());
    const client = await createClient({ url: server.url })
      .on("error", () => {})
      .connect();
    expect(await client.configGet("appendfsync")).toEqual({ appendfsync: "always" });
    await client.set("word", "here");
    client.destroy();
    await server.kill();
    await server.start();
    const again = await createClient({ url: server.url }).connect();
    expect(await again.get("word")).toBe("here");
    const [{ dir }, pid] = [await again.configGet("dir"), server.pid()];
    again.destroy();
    await server.stop();
    expect([lives(pid), existsSync(dir!)]).toEqual([false, false]);
  });

  it("can be a cluster of three that shares its keys out", async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const client = createCluster({ rootNodes: [{ url: cluster.urls[0]! }] });
    client.on("error", () => {});
    await client.connect();
    const keys = Array.from({ length: 60 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    client.destroy();
    const sizes = await Promise.all(
      cluster.urls.map(async (url) => {
        const node = await createClient({ url }).connect();
        const size = await node.dbSize();
        node.destroy();
        return size;
      }),
    );
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
  });
});
