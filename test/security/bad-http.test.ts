// What no client would send, and what a browser may, against a server as it is in production: HTTP as bytes, on its socket.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BASE, UNKNOWN } from "../http/service.ts";
import { exchange, type RawExchange } from "../raw-http.ts";
import {
  answeredRequests,
  bearer,
  besideSilentOnes,
  creation,
  HOST,
  noEnvelope,
  refusedRequests,
  sendDamaged,
  slowBodies,
  trickle,
} from "../raw-requests.ts";
import { caseTable, type Case } from "./case-table.ts";
import { startGuardedServer } from "./guarded-server.ts";
import { ORIGIN } from "./guarded-service.ts";

let server: Awaited<ReturnType<typeof startGuardedServer>>;
beforeAll(async () => {
  server = await startGuardedServer();
});
afterAll(() => server.close());

/** The statuses of all answers, and what is not as it should be: a refusal in another form, bytes after the last answer. */
function seen({ answers, rest }: RawExchange): string {
  const wrong = answers.filter(({ status }) => status >= 400).flatMap((answer) => noEnvelope(answer) ?? []);
  return [answers.map(({ status }) => status).join(", "), ...wrong, ...(rest === "" ? [] : ["more bytes"])].join("; ");
}

/** The tables need a key before there is a server: this text stands for it. */
const KEY = "itc-key-of-the-service";
const withKey = (send: string | Buffer): string | Buffer => (typeof send === "string" ? send.replaceAll(KEY, server.keys.service) : send);

/** Two lengths where the text in front of a request counts. */
const slow = slowBodies(KEY);

caseTable("HTTP, refused", [
  ...refusedRequests(KEY).map(([name, send, status]): Case => ({
    name,
    expected: `${status}, then closed`,
    async got() {
      const answer = await exchange(server.port, withKey(send), { patienceMs: 3000 });
      return `${seen(answer)}, ${answer.closed ? "then closed" : "still open"}`;
    },
  })),
  {
    name: "an Authorization header of 20 kB",
    expected: "431, then closed",
    async got() {
      const answer = await exchange(server.port, `GET ${BASE} HTTP/1.1\r\n${HOST}${bearer("a".repeat(20_000))}\r\n`, { patienceMs: 3000 });
      return `${seen(answer)}, ${answer.closed ? "then closed" : "still open"}`;
    },
  },
]);

caseTable(
  "HTTP, answered",
  answeredRequests(KEY).map(([name, send, statuses]): Case => ({
    name,
    expected: statuses.join(", "),
    got: async () => seen(await exchange(server.port, withKey(send))),
  })),
);

caseTable(
  "HTTP, slow",
  [
    {
      name: "a slow header",
      expected: "408",
      got: async () => seen(await trickle(server.port, `GET /livez HTTP/1.1\r\n${HOST}`, "X-A: 1\r\n")),
    },
    ...slow.map(([name, begin, more, statuses]): Case => ({
      name: `a slow body, ${name}`,
      expected: statuses.join(", "),
      got: async () => seen(await trickle(server.port, withKey(begin) as string, more)),
    })),
    {
      name: "a slow body of one without a key: refused before it is waited for",
      expected: "401",
      got: async () =>
        seen(
          await exchange(server.port, `${creation(null)}${HOST}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\na`, {
            patienceMs: 3000,
          }),
        ),
    },
  ],
  { concurrent: true },
);

caseTable("HTTP, idle", [
  { name: "1,000 idle sockets", expected: "200", got: async () => (await besideSilentOnes(server.port, 1000)).join(", ") },
]);

caseTable(
  "HTTP, forged addresses",
  ["cf-connecting-ip", "x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip"].map((name): Case => ({
    name: `a spoofed ${name}`,
    expected: "127.0.0.1",
    async got() {
      const forged = { [name]: name === "forwarded" ? "for=6.6.6.6" : "6.6.6.6" };
      const { text } = await server.send({ headers: forged, as: "service" });
      return (JSON.parse(text) as { data: { metadata: { clientIP: string } } }).data.metadata.clientIP;
    },
  })),
);

describe("2,000 damaged requests", () => {
  it("with a key: every answer is whole, none is a failure of ours, and there are no more answers than requests", async () => {
    expect(await sendDamaged(server.port, server.keys.service, 2000)).toBeGreaterThan(500);
  });

  it("without one", async () => {
    expect(await sendDamaged(server.port, null, 2000)).toBeGreaterThan(500);
  });
});

const NOT_OPEN = `${BASE}/${UNKNOWN}`;

caseTable("Browser, on every answer", [
  ...(
    [
      ["200", { method: "GET", path: "/livez", as: null }],
      ["401", { method: "GET", path: NOT_OPEN, as: null }],
      ["403", { method: "GET", path: BASE, as: "service" }],
      ["404", { method: "GET", path: NOT_OPEN }],
      ["404 of the router", { method: "GET", path: "/nowhere", as: null }],
      ["405", { method: "PATCH", path: BASE }],
      ["400", { body: "{" }],
      ["415", { body: "{}", headers: { "content-type": "text/plain" } }],
    ] as const
  ).map(([name, request]): Case => ({
    name: `${name}, from the allowed origin: nosniff, a strict policy, no-store, Vary, its name and no credentials`,
    expected: `${name.slice(0, 3)} nosniff default-src 'none'; frame-ancestors 'none' no-store Origin ${ORIGIN} null`,
    async got() {
      const more = "headers" in request ? request.headers : {};
      const { status, headers } = await server.send({ ...request, headers: { ...more, origin: ORIGIN } });
      const names = ["x-content-type-options", "content-security-policy", "cache-control", "vary", "access-control-allow-origin"];
      return [status, ...names.map((each) => headers.get(each)), String(headers.get("access-control-allow-credentials"))].join(" ");
    },
  })),
  ...(["https://evil.example", "null"] as const).map((origin): Case => ({
    name: `a question of a browser on ${origin}`,
    expected: "no name, no wildcard, no credentials",
    async got() {
      const { headers } = await server.send({
        method: "OPTIONS",
        path: BASE,
        as: null,
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
      });
      const [name, credentials] = [headers.get("access-control-allow-origin"), headers.get("access-control-allow-credentials")];
      return name === null && credentials === null ? "no name, no wildcard, no credentials" : `${name} ${credentials}`;
    },
  })),
  {
    name: "the API page runs its own files alone, and cannot be framed",
    expected: "200 no foreign source, no inline script, not framed",
    async got() {
      const { status, headers } = await server.send({ method: "GET", path: "/docs", as: null });
      const policy = headers.get("content-security-policy") ?? "";
      const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? /default-src ([^;]*)/.exec(policy)?.[1] ?? "none given";
      return [
        `${status} ${/https?:|\*/.test(policy) ? "foreign sources" : "no foreign source"}`,
        /unsafe/.test(scripts) ? `inline script (${scripts})` : "no inline script",
        policy.includes("frame-ancestors 'none'") ? "not framed" : "framed",
      ].join(", ");
    },
  },
  {
    name: "script in a message comes back as JSON, which no browser runs",
    expected: "application/json nosniff",
    async got() {
      const id = await server.create();
      await server.send({ path: `${BASE}/${id}/messages`, body: '{"content":"<script>alert(1)</script>"}' });
      const { headers } = await server.send({ method: "GET", path: `${BASE}/${id}` });
      return `${headers.get("content-type")?.split(";")[0]} ${headers.get("x-content-type-options")}`;
    },
  },
]);
