import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { d1Stores, migrateD1, type D1DatabaseLike } from "../../src/adapters/d1/d1-stores.ts";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { archiveCases, directoryCases, recordsCases } from "../../src/conformance/index.ts";
import { archivedAt, makeWhole } from "../../src/conformance/make-conversation.ts";
import { emptyD1 } from "./empty-d1.ts";
import { runConformance } from "./run-conformance.ts";

// The cast: the bindings of wrangler.jsonc.
const { CONVERSATIONS_DB: database } = env as unknown as { CONVERSATIONS_DB: D1DatabaseLike };

it("isolates that begin at once on an empty database make its tables once", async () => {
  const elsewhere = (): D1DatabaseLike => ({
    prepare: (sql) => database.prepare(sql),
    batch: (statements) => database.batch(statements),
  });
  const prefixes = await Promise.all(Array.from({ length: 5 }, () => migrateD1(elsewhere())));
  expect(new Set(prefixes)).toEqual(new Set(["ITERA"]));
  const [log] = await database.batch([database.prepare("SELECT n, name FROM schema_migrations")]);
  expect(log!.results).toEqual([{ n: 1, name: "tables" }]);
});

it("a transcript of 16 MiB goes in and comes back in one call each", async () => {
  const { archive } = d1Stores({ database });
  const said = Array.from({ length: 400 }, (_, i) => `${i} ${"è ".repeat(13_900)}`);
  const whole = makeWhole(Date.parse("2025-01-25T14:30:52Z"), said, archivedAt(Date.parse("2025-01-26T14:30:52Z")));
  expect(await archive.put(whole)).toBe("stored");
  expect(await archive.read(whole.head.id, Infinity)).toEqual(whole);
});

runConformance("d1", {
  async open(clock) {
    await emptyD1(database);
    return { ...memoryStores({ clock }), ...d1Stores({ database, clock }) };
  },
  cases: [...archiveCases, ...directoryCases, ...recordsCases],
  skip: { together: "the hot store beside it is another database" },
});
