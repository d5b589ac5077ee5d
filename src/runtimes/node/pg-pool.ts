/** Connections to PostgreSQL: bounded in number and in time, made without haste when it is away, and closed with the stores. */
import type { Client, ClientConfig, Pool, PoolConfig } from "pg";
import { translate } from "../../adapters/postgres/postgres-errors.ts";
import { createConnectionGate, withoutAddress } from "./connection-gate.ts";
import { enginePackage } from "./engine-package.ts";

/** How long is waited for PostgreSQL: `request`: at most three seconds in all; `work`: for jobs and commands, up to a minute for a statement. */
export type Patience = "request" | "work";

const APPLICATION = "itera-conversations";

const TIMES: Readonly<Record<Patience, { connect: number; statement: number; query: number }>> = {
  // The server gives up a little earlier than we do, so that it does not go on with what nobody waits for.
  request: { connect: 1000, statement: 1500, query: 1700 },
  work: { connect: 3000, statement: 60_000, query: 62_000 },
};

/** What a pool is told. */
export interface PoolOptions {
  readonly url: string;
  readonly size: number;
  readonly patience: Patience;
  /** The variable or option that has the address, for a sentence about a missing package. */
  readonly wanted: string;
}

/** `sslmode` as PostgreSQL's own programs mean it, which `pg` does only when told so. */
function withPlainModes(text: string): string {
  const url = new URL(text);
  const mode = url.searchParams.get("sslmode");
  if (mode !== null && mode !== "no-verify") url.searchParams.set("uselibpqcompat", "true");
  return url.href;
}

/** How a pool connects a client. */
type Connect = (callback: (error: Error | null) => void) => void;

/** Makes a pool. Nothing is connected yet, and while nothing is under way it does not keep the process alive. */
export async function createPool({ url, size, patience, wanted }: PoolOptions): Promise<Pool> {
  const { default: pg } = await enginePackage("pg", wanted, () => import("pg"));
  const gate = createConnectionGate();

  class GatedClient extends pg.Client {
    constructor(config?: string | ClientConfig) {
      super(config);
      const connect = super.connect.bind(this) as Connect;
      const gated: Connect = (callback) => {
        const refused = gate.closed();
        if (refused !== null) return process.nextTick(callback, refused);
        connect((error) => {
          const told = error && withoutAddress(error);
          gate.ended(told);
          callback(told);
        });
      };
      Object.assign(this, { connect: gated });
    }
  }

  const times = TIMES[patience];
  const config: PoolConfig = {
    connectionString: withPlainModes(url),
    max: size,
    connectionTimeoutMillis: times.connect,
    query_timeout: times.query,
    statement_timeout: times.statement,
    lock_timeout: times.statement,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 3600,
    allowExitOnIdle: true,
    keepAlive: true,
    fallback_application_name: APPLICATION,
    Client: GatedClient,
  };
  const pool = new pg.Pool(config);
  // An idle connection that PostgreSQL ends is no failure of anybody; without a listener it would end the process.
  pool.on("error", () => {});
  return pool;
}

/** Ends a pool; what cannot be ended in good order within a second is left to the operating system. Harmless when repeated. */
export async function endPool(pool: Pool): Promise<void> {
  if (pool.ending) return;
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([pool.end(), new Promise((resolve) => (timer = setTimeout(resolve, 1000)))]);
  clearTimeout(timer);
}

/** A single connection without a limit of time for what it does, for migrations. */
export async function withConnection<T>(url: string, wanted: string, run: (connection: Client) => Promise<T>): Promise<T> {
  const { default: pg } = await enginePackage("pg", wanted, () => import("pg"));
  const connection = new pg.Client({
    connectionString: withPlainModes(url),
    connectionTimeoutMillis: TIMES.work.connect,
    keepAlive: true,
    fallback_application_name: APPLICATION,
  });
  // Its statements fail by themselves; without a listener the event would end the process.
  connection.on("error", () => {});
  try {
    await connection.connect();
  } catch (error) {
    throw translate(withoutAddress(error));
  }
  try {
    return await run(connection);
  } finally {
    await connection.end().catch(() => {});
  }
}
