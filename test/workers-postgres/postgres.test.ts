import { env } from "cloudflare:workers";
import { postgresStores } from "../../src/adapters/postgres/postgres-stores.ts";
import type { PgClientLike, PgPoolLike } from "../../src/adapters/postgres/pool.ts";
import type { Stores } from "../../src/core/stores.ts";
import type { HyperdriveLike } from "../../src/runtimes/worker/env.ts";
import { hyperdrivePool } from "../../src/runtimes/worker/hyperdrive.ts";
import { runConformance } from "../workers/run-conformance.ts";

// The cast: the binding of wrangler.jsonc.
const { HYPERDRIVE } = env as unknown as { HYPERDRIVE: HyperdriveLike };

/** Emptying by DELETE: what a case leaves is little, and TRUNCATE makes and syncs a file for each table and index. */
const EMPTY = `DO $$ DECLARE emptied REGCLASS; BEGIN
  FOR emptied IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND relname NOT IN ('conversation_meta', 'conversation_migrations')
  LOOP
    EXECUTE 'DELETE FROM ' || emptied;
  END LOOP;
END $$`;

/** Each case is one request, whose connections are its own: several, so that what happens at once happens at once. */
const CONNECTIONS = 3;

const connected = new Map<Stores, PgClientLike[]>();

runConformance("postgres through Hyperdrive", {
  async open(clock) {
    const hyperdrive = hyperdrivePool(HYPERDRIVE, { connect: 5000, query: 10_000 });
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => hyperdrive.connect!()));
    let turn = 0;
    const pool: PgPoolLike = { query: (statement) => clients[turn++ % CONNECTIONS]!.query(statement) };
    await pool.query({ text: EMPTY });
    const stores = await postgresStores({ pool, clock, prepare: false });
    connected.set(stores, clients);
    return stores;
  },
  dispose(stores) {
    for (const client of connected.get(stores)!) client.release();
    connected.delete(stores);
  },
});
