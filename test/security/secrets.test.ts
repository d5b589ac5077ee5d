// Secrets stay where they belong: a server's process at its most talkative, everything it writes and everything it refuses.

import { makeApiKey } from "../../src/security/api-key-text.ts";
import { BASE, UNKNOWN } from "../http/service.ts";
import { itera, main, startMain } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { caseTable, type Case } from "./case-table.ts";
import { filesBelow } from "./canaries.ts";
import { guardedVariables } from "./guarded-server.ts";
import { ORIGIN } from "./guarded-service.ts";

const CANARY = "canarino-rosso-1933";

/** What a server was given and has written in a busy minute of its life. */
interface Life {
  readonly log: string;
  readonly stdout: string;
  /** Every answer that was a refusal. */
  readonly refusals: string;
  readonly events: string;
  readonly metrics: string;
  readonly files: string;
  readonly ids: readonly string[];
  /** By what they are: none of them may be anywhere. */
  readonly secrets: Readonly<Record<string, string>>;
}

async function live(): Promise<Life> {
  const folder = temporaryFolder();
  const { env, keys } = guardedVariables();
  const server = await startMain({ folder, env });
  const ids: string[] = [];
  const refusals: string[] = [];

  async function send(credential: string | null, method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...more,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status >= 400) refusals.push(text);
    return text;
  }

  const idOf = (text: string): string => {
    const { conversationId } = JSON.parse(text) as { conversationId: string };
    ids.push(conversationId);
    return conversationId;
  };
  const context = { initialContext: { email: `${CANARY}@example.com`, note: CANARY }, userAgent: CANARY };
  const id = idOf(await send(keys.service, "POST", BASE, context, { "idempotency-key": `${CANARY}-key` }));
  const site = await send(keys.site, "POST", BASE, {}, { origin: ORIGIN });
  const ofSite = idOf(site);
  const { token } = JSON.parse(site) as { token: string };
  const messages = `${BASE}/${id}/messages`;
  await send(keys.service, "POST", messages, { id: "m1", role: "user", content: CANARY });
  // The same key with another content, and with the same one; a text that is no JSON; a message on what is not there.
  await send(keys.service, "POST", messages, { id: "m1", role: "user", content: `${CANARY} other` });
  await send(keys.service, "POST", messages, `{"${CANARY}`);
  await send(keys.service, "POST", `${BASE}/${UNKNOWN}/messages`, { content: CANARY });
  await send(keys.service, "PUT", `${BASE}/${id}`, { [CANARY]: CANARY });
  await send(keys.service, "PUT", `${BASE}/${id}`, { metadata: { more: CANARY } }, { "if-match": `"${CANARY}"` });
  await send(keys.operator, "GET", `${BASE}?q=${CANARY}`);
  await send(keys.operator, "GET", `${BASE}?cursor=${CANARY}`);
  await send(null, "GET", `${BASE}/${CANARY}`);
  await send(null, "GET", `${BASE}?key=${keys.admin}`);
  await send(null, "GET", `${BASE}/${ofSite}?token=${token}`);
  await send(`${keys.admin}x`, "GET", BASE);
  await send(makeApiKey("admin").text, "GET", BASE);
  await send(`${token}x`, "GET", `${BASE}/${ofSite}`);
  await send(token, "POST", `${BASE}/${ofSite}/messages`, { role: "user", content: CANARY });
  await send(token, "GET", BASE);
  await send(keys.operator, "DELETE", `${BASE}/${ofSite}`, { reason: "manual" });
  await send(keys.admin, "POST", "/api/v1/erasures", { key: "email", value: `${CANARY}@example.com`, dryRun: true });
  await send(keys.admin, "POST", "/api/v1/keys", { scope: "service", name: "bot" });
  const events = await send(keys.operator, "GET", `${BASE}/${id}/events`);
  const metrics = await send(keys.operator, "GET", "/metrics");
  const files = filesBelow(`${folder}/data`);
  server.child.kill("SIGTERM");
  const { stdout, stderr } = await server.ended;
  const key = (text: string): string => text.slice(-49, -6);
  return {
    log: stderr,
    stdout,
    refusals: refusals.join("\n"),
    events,
    metrics,
    files,
    ids,
    secrets: {
      "a message, metadata, a person's data": CANARY,
      "a key of site": key(keys.site),
      "a key of service": key(keys.service),
      "a key of operator": key(keys.operator),
      "a key of admin": key(keys.admin),
      "a token": token.split(".")[2]!,
      "the secret": env["SECRET"]!,
      "the encryption key": env["CONVERSATION_ENCRYPTION_KEY"]!.slice(3),
      "the database's place": folder,
    },
  };
}

let lived: Promise<Life> | undefined;
const life = (): Promise<Life> => (lived ??= live());

/** Which of the secrets stand in a text. */
async function told(
  where: "log" | "stdout" | "refusals" | "events" | "metrics" | "files",
  more: (life: Life) => Record<string, string> = () => ({}),
) {
  const one = await life();
  if (one[where].length < 10) return "nothing was written";
  const found = Object.entries({ ...one.secrets, ...more(one) }).filter(([, secret]) => one[where].includes(secret));
  return found.length === 0 ? "none" : found.map(([what]) => what).join(", ");
}

caseTable("Secrets", [
  { name: "in the log, at LOG_LEVEL=trace", expected: "none", got: () => told("log") },
  // Whoever starts it is told which file the conversations are in.
  { name: "in what it prints", expected: "the database's place", got: () => told("stdout") },
  { name: "in refusals", expected: "none", got: () => told("refusals") },
  { name: "in events", expected: "none", got: () => told("events") },
  {
    name: "in metrics, and no conversation's ID",
    expected: "none",
    got: () => told("metrics", ({ ids }) => Object.fromEntries(ids.map((id) => ["an ID", id]))),
  },
  { name: "in the database's files and write-ahead log, with idempotency rows", expected: "none", got: () => told("files") },
]);

const encryption = (text: string): Record<string, string> => ({ CONVERSATION_ENCRYPTION_KEY: text });
const bytes = (length: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(length))).toString("base64");
const SHARED = bytes(32);

/** What is set, and the variable at fault. */
const REFUSED: readonly (readonly [name: string, variable: string, env: Record<string, string>])[] = [
  ["no secret", "SECRET", { SECRET: "" }],
  ["a default secret", "SECRET", { SECRET: "change-me-change-me-change-me-change-me" }],
  ["a short secret", "SECRET", { SECRET: bytes(16) }],
  ["a secret that is no base64", "SECRET", { SECRET: "correct horse battery staple, and then some" }],
  ["a secret of one byte repeated", "SECRET", { SECRET: Buffer.alloc(32, 65).toString("base64") }],
  ["a secret that counts", "SECRET", { SECRET: Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i)).toString("base64") }],
  ["a short encryption key", "CONVERSATION_ENCRYPTION_KEY", encryption(`k1:${bytes(16)}`)],
  ["an encryption key without a name", "CONVERSATION_ENCRYPTION_KEY", encryption(bytes(32))],
  ["two encryption keys of one name", "CONVERSATION_ENCRYPTION_KEY", encryption(`k1:${bytes(32)},k1:${bytes(32)}`)],
  ["one encryption key under two names", "CONVERSATION_ENCRYPTION_KEY", encryption(`k1:${SHARED},k2:${SHARED}`)],
  ["the secret as the encryption key", "CONVERSATION_ENCRYPTION_KEY", { SECRET: SHARED, ...encryption(`k1:${SHARED}`) }],
  ["a webhook's secret that is the service's", "ALERT_WEBHOOK_SECRET", { SECRET: SHARED, ALERT_WEBHOOK_SECRET: `whsec_${SHARED}` }],
  ["an API key with a slip", "API_KEYS", { API_KEYS: `${makeApiKey("admin").text.slice(0, -1)}!` }],
  ["no API key", "API_KEYS", { API_KEYS: "" }],
];

caseTable(
  "Secrets, refused at the start",
  REFUSED.map(([name, variable, given]): Case => ({
    name,
    expected: `exit 2, names ${variable}, shows none`,
    async got() {
      const { env } = guardedVariables();
      const { code, stdout, stderr } = await main({ folder: temporaryFolder(), env: { ...env, ...given } });
      const shown = Object.values({ ...env, ...given }).filter((text) => text.length >= 16 && (stdout + stderr).includes(text));
      const named = new RegExp(`^\\W*${variable}\\b`, "m").test(stderr);
      return `exit ${code}, names ${named ? variable : stderr.slice(0, 200)}, shows ${shown.length === 0 ? "none" : shown.join()}`;
    },
  })),
);

caseTable(
  "Secrets, a store that cannot be reached",
  ["", "?application_name=x", "?sslmode=disable"].map((parameters): Case => ({
    name: `its user and password, in an address ${parameters === "" ? "as it is" : `with ${parameters.slice(1)}`}`,
    expected: "exit 5, tells neither",
    async got() {
      const { env } = guardedVariables();
      const address = `postgresql://utente:parola-segreta@127.0.0.1:1/archivio${parameters}`;
      const { code, stdout, stderr } = await itera(["list"], { folder: temporaryFolder(), env: { ...env, DATABASE_URL: address } });
      const said = stdout + stderr;
      return `exit ${code}, tells ${/parola-segreta|utente/.test(said) ? said.slice(0, 200) : "neither"}`;
    },
  })),
);
