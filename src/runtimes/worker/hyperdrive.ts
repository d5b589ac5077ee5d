/**
 * PostgreSQL through Hyperdrive. A Worker's connection belongs to the request that made it, and one that is kept for the next
 * request hangs there: so each request has a connection of its own, made at its first statement and ended after its answer.
 * Hyperdrive keeps the real connections to the database, near it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Client } from "pg";
import type { PgPoolLike, PgStatement } from "../../adapters/postgres/pool.ts";
import { sqlStateOf } from "../../adapters/postgres/postgres-errors.ts";
import type { HyperdriveLike, WorkerContext } from "./env.ts";

/** Milliseconds until a connection, or an answer, counts as not coming. */
export interface HyperdriveTimes {
  connect: number;
  query: number;
}

/** As on Node: at most three seconds for a request in all. */
const TIMES: HyperdriveTimes = { connect: 1000, query: 1700 };

/** One connection, made when it is first needed, and again after it failed. */
interface Connection {
  query(statement: PgStatement): Promise<{ rows: unknown[] }>;
  end(): Promise<void>;
}

/** The connections of one request, by the pool that they are for. */
interface Scope {
  readonly connections: Map<PgPoolLike, Connection>;
  isOver: boolean;
}

const scopes = new AsyncLocalStorage<Scope>();

function openConnection({ connectionString }: HyperdriveLike, times: HyperdriveTimes): Connection {
  let opening: Promise<Client> | null = null;

  async function connect(): Promise<Client> {
    // Loaded when it is first needed: a Worker without a Hyperdrive does without it.
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: times.connect, query_timeout: times.query });
    // What is under way fails by itself; without a listener the event would end the request.
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  async function end(): Promise<void> {
    const ending = opening;
    opening = null;
    await ending?.then((client) => client.end()).catch(() => {});
  }

  return {
    async query(statement) {
      const used = (opening ??= connect());
      try {
        return await (await used).query(statement);
      } catch (error) {
        // What is not PostgreSQL's own answer leaves a connection of which nobody knows what it is doing.
        if (sqlStateOf(error) === null && opening === used) void end();
        throw error;
      }
    },
    end,
  };
}

/**
 * A pool for the adapters of PostgreSQL. Inside `withConnections` statements share the connection of their request, one after
 * the other; outside, each has one of its own. Statements are not to be prepared (`prepare: false`): no connection lives long
 * enough to gain by it. `binding`: `env.HYPERDRIVE`. Needs the compatibility flag `nodejs_compat`.
 *
 * @example
 * const { archive, directory, records } = postgresStores({ pool: hyperdrivePool(env.HYPERDRIVE), prepare: false });
 */
export function hyperdrivePool(binding: HyperdriveLike, times: HyperdriveTimes = TIMES): PgPoolLike {
  const pool: PgPoolLike = {
    async query(statement) {
      const scope = scopes.getStore();
      if (scope && !scope.isOver) {
        const connection = scope.connections.get(pool) ?? openConnection(binding, times);
        scope.connections.set(pool, connection);
        return connection.query(statement);
      }
      const connection = openConnection(binding, times);
      try {
        return await connection.query(statement);
      } finally {
        await connection.end();
      }
    },
    async connect() {
      const connection = openConnection(binding, times);
      return { query: (statement) => connection.query(statement), release: () => void connection.end() };
    },
  };
  return pool;
}

/**
 * Does the work of one request, cron or alarm, whose statements share a connection. It is ended behind the answer, by
 * `waitUntil`. What the work leaves running has connections of its own from then on.
 */
export async function withConnections<T>(context: WorkerContext, work: () => Promise<T>): Promise<T> {
  const scope: Scope = { connections: new Map(), isOver: false };
  try {
    return await scopes.run(scope, work);
  } finally {
    scope.isOver = true;
    if (scope.connections.size > 0)
      context.waitUntil(Promise.all(Array.from(scope.connections.values(), (connection) => connection.end())));
  }
}
