// What `wrangler.jsonc` says and what the Worker expects are the same thing.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkSettings } from "../../src/runtimes/check-settings.ts";
import { SETTINGS } from "../../src/runtimes/node/settings.ts";
import { BINDINGS, variablesOf } from "../../src/runtimes/worker/env.ts";
import { CRONS, dueThisHour } from "../../src/runtimes/worker/jobs.ts";
import { VERSION } from "../../src/runtimes/worker/version.ts";

const root = new URL("../../", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), "utf8");

/** JSON with comments on lines of their own, and with commas at the end of lists. */
function jsonc(path: string): unknown {
  return JSON.parse(
    text(path)
      .replaceAll(/^\s*\/\/.*$/gm, "")
      .replaceAll(/,(?=\s*[}\]])/g, ""),
  );
}

interface Environment {
  readonly name: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string }[];
  readonly d1_databases: readonly { readonly binding: string }[];
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
}

interface Wrangler extends Environment {
  readonly assets: { readonly binding: string };
  readonly triggers: { readonly crons: readonly string[] };
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes: readonly string[] }[];
  readonly env: Readonly<Record<"production" | "staging" | "development", Environment>>;
}

const wrangler = jsonc("wrangler.jsonc") as Wrangler;
const SECRET = "Zl5cZ0vWc0l8pZ2m0nqv0mOE1fQm6yq0r6y8w1t3u5s=";
const namesOf = ({ kv_namespaces, d1_databases, durable_objects }: Environment): string[] => [
  ...kv_namespaces.map(({ binding }) => binding),
  ...d1_databases.map(({ binding }) => binding),
  ...durable_objects.bindings.map(({ name }) => name),
];

describe("wrangler.jsonc", () => {
  it("has the guide's worker, and one for each environment", () => {
    expect(wrangler.name).toBe("it-era-chatbot");
    expect(Object.values(wrangler.env).map(({ name }) => name)).toEqual([
      "it-era-chatbot",
      "it-era-chatbot-staging",
      "it-era-chatbot-development",
    ]);
  });

  it("is production without --env, as with --env production", () => {
    const { name, vars, kv_namespaces, d1_databases, durable_objects } = wrangler;
    expect(wrangler.env.production).toEqual({ name, vars, kv_namespaces, d1_databases, durable_objects });
  });

  it("shares no data between environments", () => {
    const { production, staging, development } = wrangler.env;
    const named = [production, staging, development].flatMap(({ d1_databases }) => d1_databases.map((each) => JSON.stringify(each)));
    expect(new Set(named).size).toBe(named.length);
    for (const { kv_namespaces } of [staging, development]) expect(kv_namespaces.filter(({ id }) => id !== undefined)).toEqual([]);
  });

  it.each(Object.entries(wrangler.env))("%s has the guide's variables, and every one is known and right", (environment, { vars }) => {
    expect(vars).toEqual({
      ENVIRONMENT: environment,
      MAX_SESSION_DURATION: environment === "development" ? "3600" : "86400",
      CONVERSATION_EXTENSION_MAX_HOURS: "168",
      ANALYTICS_RETENTION_DAYS: "90",
    });
    const checked = checkSettings(variablesOf({ ...vars, SECRET }));
    expect(checked).toMatchObject({ environment, maxExtensionHours: 168, warnings: [] });
  });

  it("binds nothing that the Worker does not know, and lacks only what not everybody has", () => {
    const bound = [...namesOf(wrangler), wrangler.assets.binding];
    expect(bound.filter((name) => !BINDINGS.some((known) => known === name))).toEqual([]);
    expect(BINDINGS.filter((name) => !bound.includes(name))).toEqual(["CONVERSATIONS_FROM", "HYPERDRIVE"]);
    const everywhere = namesOf(wrangler);
    for (const environment of ["staging", "development"] as const)
      expect(namesOf(wrangler.env[environment]).toSorted()).toEqual(everywhere.toSorted());
  });

  it("binds what the interface Env has, and nothing else", () => {
    const fields = [...text("src/runtimes/worker/env.ts").matchAll(/^ {2}readonly ([A-Z_0-9]+)\?:/gm)].map(([, name]) => name!);
    expect(fields.toSorted()).toEqual([...BINDINGS].toSorted());
  });

  it("moves no conversations until somebody takes two comment marks away, and then those of production's KV", () => {
    const waiting = [...text("wrangler.jsonc").matchAll(/^\s*\/\/ (\{ "binding": "CONVERSATIONS_FROM".*\}),$/gm)];
    const { id } = wrangler.kv_namespaces.find(({ binding }) => binding === "CHAT_SESSIONS")!;
    expect(waiting.map(([, line]) => JSON.parse(line!) as unknown)).toEqual([
      { binding: "CONVERSATIONS_FROM", id },
      { binding: "CONVERSATIONS_FROM", id },
    ]);
  });

  it("has the crons and the class of objects that the code has", () => {
    expect(wrangler.triggers.crons).toEqual(Object.values(CRONS));
    const classes = wrangler.durable_objects.bindings.map(({ class_name }) => class_name);
    expect(wrangler.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes)).toEqual(classes);
    expect(text("src/runtimes/worker/main.ts")).toContain(`export { ${classes.join(", ")} }`);
  });
});

describe(".dev.vars.example", () => {
  const lines = text(".dev.vars.example").split("\n");
  const set = lines.flatMap((line) => /^#?\s?([A-Z][A-Z_]+)=/.exec(line)?.[1] ?? []);

  it("names settings that exist, and every secret that a Worker can have", () => {
    const all = Object.values(SETTINGS).map(({ name }) => name as string);
    expect(set.filter((name) => !all.includes(name))).toEqual([]);
    const ofStores = ["DATABASE_URL", "HOT_STORE_URL"];
    const secrets = Object.values(SETTINGS).filter(({ name, secret }) => secret && !ofStores.includes(name));
    expect(secrets.map(({ name }) => name as string).filter((name) => !set.includes(name))).toEqual([]);
  });

  it("changes nothing when it is copied as it is", () => {
    expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
  });
});

describe("docs/deploy-cloudflare.md", () => {
  const page = text("docs/deploy-cloudflare.md");

  it("has the guide's ten checklist items, in their order", () => {
    expect([...page.matchAll(/^- \[ \] \*\*(.*?)\.\*\*/gm)].map(([, item]) => item)).toEqual([
      "Update Cloudflare KV namespaces",
      "Deploy database schema",
      "Update environment variables",
      "Run full test suite",
      "Update Cloudflare Worker configuration",
      "Monitor error rates and performance",
      "Verify conversation creation works",
      "Test conversation retrieval and updates",
      "Confirm archiving process functions",
      "Validate analytics collection",
    ]);
  });

  it("says of every binding what it is for", () => {
    for (const name of BINDINGS) expect(page).toContain(`\`${name}\``);
  });

  it("binds CONVERSATIONS_FROM as the last step, when nobody writes to KV any more", () => {
    expect(page).toContain("## A chatbot that is live already");
    expect(page.indexOf("CONVERSATIONS_FROM", page.indexOf("## A chatbot that is live already"))).toBeGreaterThan(0);
  });

  it("names scripts that exist", () => {
    const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
    const named = [...page.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    expect(named).toContain("test:integration");
  });
});

it("the Worker's version is the package's", () => {
  expect(VERSION).toBe((JSON.parse(text("package.json")) as { version: string }).version);
});

describe("work that is done every so many hours", () => {
  const hours = Array.from({ length: 48 }, (_, hour) => Date.UTC(2026, 0, 15, hour, 7));

  it("falls due that often, whichever isolate is asked", () => {
    expect(hours.filter((at) => dueThisHour(at, 6)).map((at) => new Date(at).getUTCHours())).toEqual([0, 6, 12, 18, 0, 6, 12, 18]);
  });

  it("falls due every hour if it should more often", () => {
    expect(hours.filter((at) => dueThisHour(at, 0.5))).toHaveLength(48);
  });
});

it("variables are texts, numbers and truths; bindings and what is empty are none", () => {
  const env = { A: " x ", B: "", C: 7, D: true, E: null, CHAT_SESSIONS: { get: null } };
  expect([...variablesOf(env as never)]).toEqual([
    ["A", "x"],
    ["C", "7"],
    ["D", "true"],
  ]);
});
