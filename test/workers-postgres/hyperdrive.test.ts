import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import { StoreUnavailableError } from "../../src/core/errors.ts";
import type { HyperdriveLike } from "../../src/runtimes/worker/env.ts";
import { hyperdrivePool, withConnections } from "../../src/runtimes/worker/hyperdrive.ts";

// The cast: the binding of wrangler.jsonc.
const { HYPERDRIVE } = env as unknown as { HYPERDRIVE: HyperdriveLike };

/** Which connection a statement ran on, as PostgreSQL numbers them. */
const BACKEND = { text: "SELECT pg_backend_pid() AS pid" };

async function backend(pool: ReturnType<typeof hyperdrivePool>): Promise<number> {
  const [row] = (await pool.query(BACKEND)).rows as { pid: number }[];
  return row!.pid;
}

/** A request's context that remembers what goes on behind the answer. */
function request() {
  const behind: Promise<unknown>[] = [];
  return { behind, waitUntil: (work: Promise<unknown>) => void behind.push(work) };
}

it("statements of one request share a connection, of two requests never, and none is open afterwards", async () => {
  const pool = hyperdrivePool(HYPERDRIVE);
  const [a, b] = [request(), request()];
  const [ofA, ofB] = await Promise.all(
    [a, b].map((context) => withConnections(context, async () => [await backend(pool), await backend(pool), await backend(pool)])),
  );
  expect(new Set(ofA).size).toBe(1);
  expect(new Set(ofB).size).toBe(1);
  expect(ofA![0]).not.toBe(ofB![0]);
  await Promise.all([...a.behind, ...b.behind]);
  const others = { text: "SELECT count(*)::int AS open FROM pg_stat_activity WHERE pid = ANY ($1)", values: [[ofA![0], ofB![0]]] };
  await expect.poll(async () => (await pool.query(others)).rows).toEqual([{ open: 0 }]);
});

it("a request without a statement opens nothing", async () => {
  const context = request();
  await withConnections(context, async () => {});
  expect(context.behind).toEqual([]);
});

it("outside a request, and for what goes on behind its answer, each statement has a connection of its own", async () => {
  const pool = hyperdrivePool(HYPERDRIVE);
  const pids = [await backend(pool), await backend(pool)];
  expect(new Set(pids).size).toBe(2);
  const context = request();
  const later: Promise<number>[] = [];
  let go = (): void => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  const during = await withConnections(context, async () => {
    later.push(gone.then(() => backend(pool)));
    return backend(pool);
  });
  go();
  expect(await later[0]).not.toBe(during);
});

it("an error of PostgreSQL leaves the connection, an answer that does not come in time ends it", async () => {
  const pool = hyperdrivePool(HYPERDRIVE, { connect: 2000, query: 500 });
  const context = request();
  await withConnections(context, async () => {
    const first = await backend(pool);
    await expect(pool.query({ text: "SELECT 1 / 0" })).rejects.toMatchObject({ code: "22012" });
    expect(await backend(pool)).toBe(first);
    await expect(pool.query({ text: "SELECT pg_sleep(3)" })).rejects.toThrow("timeout");
    expect(await backend(pool)).not.toBe(first);
  });
  await Promise.all(context.behind);
});

it("a database that is not there is a store that is not available", async () => {
  const nowhere = { connectionString: "postgresql://nobody@127.0.0.1:9/nothing" };
  const pool = hyperdrivePool(nowhere);
  const context = request();
  await expect(withConnections(context, () => postgresStores({ pool, prepare: false }))).rejects.toThrow(StoreUnavailableError);
  await expect(postgresStores({ pool, prepare: false })).rejects.toThrow(StoreUnavailableError);
  await Promise.all(context.behind);
});

it("a hundred requests one after the other are answered, which a pool that is kept between them does not do", async () => {
  const { records } = await postgresStores({ pool: hyperdrivePool(HYPERDRIVE), prepare: false });
  for (let i = 0; i < 100; i++) {
    const context = request();
    await withConnections(context, () => records.put("job", "counted", i));
    await Promise.all(context.behind);
  }
  expect(await records.get("job", "counted")).toMatchObject({ value: 99 });
});
