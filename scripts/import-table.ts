// Who may import whom: the one place where it is written. `npm run lint` applies it through `import-rule.ts`.

/** What the files of one room may import. A file whose folder is in no room of the table may not be in `src` at all. */
export interface Room {
  /** Other rooms, with all their folders; the room itself is always allowed. */
  readonly rooms: readonly string[];
  /** Other rooms of which only types may be imported. */
  readonly types?: readonly string[];
  /** npm packages, by name, with all their subpaths; "any" where the outside world is met. */
  readonly packages?: readonly string[] | "any";
  /** Modules of Node; "any" where the code runs on Node alone. Without it the room runs anywhere. */
  readonly node?: readonly string[] | "any";
}

const ADAPTERS = [
  "src/adapters/memory",
  "src/adapters/sql",
  "src/adapters/sqlite",
  "src/adapters/postgres",
  "src/adapters/redis",
  "src/adapters/cloudflare-kv",
  "src/adapters/durable-objects",
  "src/adapters/d1",
] as const;

const HTTP_PACKAGES = ["hono", "zod"] as const;

/** The rooms by their path from the root; of two that contain a file, the longer path is its room. */
export const ROOMS: Readonly<Record<string, Room>> = {
  "src/index.ts": { rooms: ["src/core", "src/sessions", "src/classic"] },
  "src/core": { rooms: [] },
  "src/sessions": { rooms: ["src/core"] },
  "src/conformance": { rooms: ["src/core"], node: ["node:assert", "node:assert/strict"] },
  "src/contract": { rooms: ["src/core"], packages: ["zod"] },
  "src/adapters/memory": { rooms: ["src/core"] },
  "src/adapters/sql": { rooms: ["src/core"] },
  "src/adapters/sqlite": { rooms: ["src/core", "src/adapters/sql"], node: "any" },
  "src/adapters/postgres": { rooms: ["src/core", "src/adapters/sql"] },
  "src/adapters/redis": { rooms: ["src/core", "src/adapters/sql"] },
  "src/adapters/cloudflare-kv": { rooms: ["src/core", "src/adapters/sql"] },
  "src/adapters/durable-objects": { rooms: ["src/core", "src/adapters/sql"] },
  "src/adapters/d1": { rooms: ["src/core", "src/adapters/sql"] },
  "src/classic": { rooms: ["src/core", "src/sessions", "src/adapters/cloudflare-kv", "src/adapters/postgres"] },
  "src/security": { rooms: ["src/core"], packages: ["jose"] },
  "src/operations": { rooms: ["src/core"], packages: ["aws4fetch", "prom-client"], node: "any" },
  "src/http": { rooms: ["src/core", "src/contract", "src/security", "src/operations"], packages: HTTP_PACKAGES },
  "src/client": { rooms: [], types: ["src/contract", "src/core"] },
  "src/integrations": { rooms: [], types: ["src/core"] },
  "src/runtimes": {
    rooms: [
      ...ADAPTERS,
      "src/core",
      "src/sessions",
      "src/conformance",
      "src/contract",
      "src/classic",
      "src/security",
      "src/operations",
      "src/http",
      "src/client",
      "src/integrations",
    ],
    packages: "any",
    node: "any",
  },
  "src/cli": { rooms: ["src/runtimes", "src/client", "src/core"], node: "any" },
  console: { rooms: ["src/client", "src/contract"], packages: "any" },
  widget: { rooms: ["src/client", "src/contract"] },
};

/** Rooms that run in browsers and Workers as on Node: neither `process` nor `Buffer` nor any other global of Node's alone. */
export const PORTABLE = Object.keys(ROOMS).filter((room) => room.startsWith("src/") && ROOMS[room]?.node !== "any");
