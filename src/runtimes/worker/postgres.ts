/** PostgreSQL behind `HYPERDRIVE`: importing this makes the binding count. */
import { postgresStores } from "../../adapters/postgres/postgres-stores.ts";
import { openPostgresWith, type Behind } from "./behind.ts";
import type { HyperdriveLike } from "./env.ts";
import { hyperdrivePool, withConnections } from "./hyperdrive.ts";

/** Databases that this isolate has found prepared, with the prefix of their IDs. The stores hold no connection. */
const known = new WeakMap<HyperdriveLike, { readonly idPrefix: string; readonly behind: Behind }>();

openPostgresWith({
  async open(binding, idPrefix) {
    const before = known.get(binding);
    if (before?.idPrefix === idPrefix) return before.behind;
    const { archive, directory, records } = await postgresStores({ pool: hyperdrivePool(binding), idPrefix, prepare: false });
    const behind = { archive, directory, records };
    known.set(binding, { idPrefix, behind });
    return behind;
  },
  during: withConnections,
});

export { hyperdrivePool, withConnections, type HyperdriveTimes } from "./hyperdrive.ts";
