import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { InvalidInputError, StoreUnavailableError } from "../../src/core/errors.ts";
import { ConfigurationError } from "../../src/runtimes/node/configuration-error.ts";
import { openStoresAt, type OpenStores, type StorePlaces } from "../../src/runtimes/node/open-stores.ts";
import { serviceSecret } from "../../src/runtimes/node/service-secret.ts";
import { databaseUrl, storeUrl } from "../../src/runtimes/node/store-url.ts";
import { describeWith } from "../engines.ts";
import { freshSchema } from "../postgres.ts";
import { startRedisServer } from "../redis-server.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function places(database: string, hotStore: string | null = null, more: Partial<StorePlaces> = {}): StorePlaces {
  return {
    database: databaseUrl(database),
    hotStore: hotStore === null ? null : storeUrl(hotStore),
    idPrefix: "ITERA",
    poolSize: 2,
    environment: "development",
    ...more,
  };
}

async function opened(place: StorePlaces, options: Parameters<typeof openStoresAt>[1] = {}): Promise<OpenStores> {
  const stores = await openStoresAt(place, options);
  onTestFinished(() => stores.close());
  return stores;
}

const file = (): string => `sqlite:${join(temporaryFolder(), "chats.db")}`;

describe("stores that are not to be had", () => {
  it.each([
    ["PostgreSQL", "postgresql://anna:hunter2@127.0.0.1:1/chats", null],
    ["Redis", "", "redis://:hunter2@127.0.0.1:1"],
  ])("a %s that is away is told without its address or password, in whatever depth", async (_, database, hotStore) => {
    const failure = await openStoresAt(places(database || file(), hotStore)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    expect(inspect(failure, { depth: 10, showHidden: false })).not.toMatch(/hunter2|127\.0\.0\.1/);
  });
});

describeWith("redis", "a Redis as the hot store", () => {
  async function redis(flags: Record<string, string> = {}): Promise<string> {
    const server = await startRedisServer({ flags });
    onTestFinished(() => server.stop());
    return server.url;
  }

  it("that loses what was acknowledged is refused outside development, unless its address allows it", async () => {
    const url = await redis();
    for (const environment of ["production", "staging"] as const) {
      const refused = openStoresAt(places(file(), url, { environment }));
      await expect(refused).rejects.toThrow(ConfigurationError);
      await expect(refused).rejects.toThrow(/HOT_STORE_URL: Redis keeps nothing on disk.*allow_loss=true/);
    }
    const warnings: string[] = [];
    await opened(places(file(), `${url}?allow_loss=true`, { environment: "production" }), { onWarning: (text) => warnings.push(text) });
    await opened(places(file(), `${url}?prefix=other:`), { onWarning: (text) => warnings.push(text) });
    expect(warnings.filter((text) => text.includes("keeps nothing on disk"))).toHaveLength(2);
  });

  it("that logs every command is taken in production", async () => {
    const url = await redis({ appendonly: "yes", appendfsync: "always" });
    const warnings: string[] = [];
    await opened(places(file(), url, { environment: "production" }), { onWarning: (text) => warnings.push(text) });
    expect(warnings.join()).not.toMatch(/acknowledged/);
  });

  it("keeps the prefix of IDs that it was made with", async () => {
    const url = await redis();
    await opened(places(file(), url));
    const other = openStoresAt(places(file(), url, { idPrefix: "SHOP" }));
    await expect(other).rejects.toThrow(InvalidInputError);
    await opened(places(file(), `${url}?prefix=shop:`, { idPrefix: "SHOP" }));
  });
});

describeWith("postgresql", "a PostgreSQL as the database", (at) => {
  async function schemaUrl(): Promise<string> {
    const schema = await freshSchema(at);
    onTestFinished(() => schema.dispose());
    return schema.url;
  }

  it("is made by whoever opens it first, however many do at once, and lets go of every connection", async () => {
    const url = await schemaUrl();
    const all = await Promise.all(Array.from({ length: 4 }, () => openStoresAt(places(url), { patience: "request" })));
    await all[0]!.prepare();
    for (const { stores } of all) expect((await stores.hot.probe()).now).toBeGreaterThan(0);
    await Promise.all(all.map(({ close }) => close()));
  });

  it("that was not made yet is an error to commands that only look", async () => {
    await expect(openStoresAt(places(await schemaUrl()), { create: false })).rejects.toThrow(/Run itera migrate/);
  });

  it("keeps the prefix of IDs that it was made with", async () => {
    const url = await schemaUrl();
    await opened(places(url));
    await expect(openStoresAt(places(url, null, { idPrefix: "SHOP" }))).rejects.toThrow(InvalidInputError);
  });

  it("keeps one secret of development for all servers", async () => {
    const place = places(await schemaUrl());
    const [one, two] = [await opened(place), await opened(place)];
    const secrets = await Promise.all([one, two].map(({ stores }) => serviceSecret({ secret: null, ...place }, stores.records)));
    expect(secrets[0]).toEqual(secrets[1]);
    expect(secrets[0]).toHaveLength(32);
  });

  it("keeps live conversations for a file's archive too, and what is over goes there", async () => {
    const { stores } = await opened(places(file(), await schemaUrl()));
    expect(stores.hot.capabilities.latency).toBe("network");
    expect(await stores.archive!.scan(null, 1)).toEqual([]);
  });
});
