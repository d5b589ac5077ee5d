import { kvStores } from "../../src/adapters/cloudflare-kv/kv-stores.ts";
import { KvDouble } from "../classic/kv-double.ts";
import { runConformance } from "./run-conformance.ts";

runConformance("cloudflare-kv", {
  open: (clock) => {
    // The engine's rules hold in a time of its own, which moves on by what is waited, and by a little whenever it is asked for.
    let waited = 0;
    const pace = (): number => (waited += 400);
    const sleep = async (ms: number): Promise<void> => void (waited += ms);
    return kvStores({ kv: new KvDouble({ clock: pace }), clock, pace, sleep });
  },
  skip: {
    archive: "KV is a hot store; what is over stays in it, or goes to a database",
    directory: "KV cannot list, count or search",
    records: "KV cannot compare, so it can claim nothing",
    atomic: "KV cannot compare: between processes the last writer wins",
    scan: "KV without a list cannot be scanned",
    take: "KV cannot tell what is due",
    once: "KV keeps no idempotency entries",
    outbox: "events stay in the conversation's own value; nobody passes them on",
    together: "there is no directory and no archive beside it",
  },
});
