// A process that appends to one conversation and prints each message once it is acknowledged. For tests with several processes, and for killing.
// Arguments: the database file, the conversation's ID, the label of its messages, how many, how many at once.

import { makeMessage } from "../../src/conformance/make-conversation.ts";
import { sqliteStores } from "../../src/adapters/sqlite/sqlite-stores.ts";

const [path = "", id = "", label = "", count = "", atOnce = ""] = process.argv.slice(2);
const { hot, close } = await sqliteStores({ path });
let next = 0;

async function append(): Promise<void> {
  while (next < Number(count)) {
    const said = `${label} ${++next}`;
    const change = { now: Date.now(), append: [makeMessage(said)], once: { key: said, fingerprint: said, until: Date.now() + 3_600_000 } };
    // Every request is sent twice at once, under its key.
    const [one, two] = await Promise.all([hot.commit(id, change), hot.commit(id, change)]);
    if (!("placed" in one && "placed" in two) || one.placed[0]!.seq !== two.placed[0]!.seq)
      throw new Error(`${said}: ${one.outcome}, ${two.outcome}`);
    process.stdout.write(`${said}\n`);
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, append));
await close();
