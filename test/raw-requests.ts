// Requests as bytes that no client would send, and what a server owes to each; with or without a credential for what is not open.

import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { expect } from "vitest";
import { exchange, readAnswers, type RawAnswer, type RawExchange } from "./raw-http.ts";

/** What is sent, and the status of the one refusal that ends the connection. */
export type Refused = readonly [name: string, send: string | Buffer, status: number];

/** What is sent, and the statuses of all answers. */
export type Answered = readonly [name: string, send: string, statuses: readonly number[]];

export const HOST = "Host: 127.0.0.1\r\n";
export const JSON_TYPE = "Content-Type: application/json\r\n";

/** A request that is open to everybody. */
export const LIVE = `GET /livez HTTP/1.1\r\n${HOST}\r\n`;

const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** The header of a credential, as a line; empty: none. */
export const bearer = (credential: string | null): string => (credential === null ? "" : `Authorization: Bearer ${credential}\r\n`);

/** The beginning of a creation. */
export const creation = (credential: string | null): string => `POST /api/v1/conversations HTTP/1.1\r\n${bearer(credential)}`;

/** What is wrong with a refusal; null: it is one envelope, whose ID is that of its header. */
export function noEnvelope({ status, headers, body }: RawAnswer): string | null {
  if (status < 400) return `status ${status}`;
  if (!headers["content-type"]?.startsWith("application/json")) return "no JSON";
  const envelope = JSON.parse(body) as Record<string, unknown>;
  if (envelope["success"] !== false || typeof envelope["error"] !== "string" || typeof envelope["code"] !== "string") return "no envelope";
  return envelope["requestId"] === headers["x-request-id"] ? null : "another request ID";
}

/** Each is answered by one refusal in the envelope, after which the connection ends. */
export function refusedRequests(credential: string | null): Refused[] {
  const CREATE = creation(credential);
  return [
    ["no HTTP at all", "hello\r\n\r\n", 400],
    ["a TLS greeting", Buffer.from("16030100c8010000c40303", "hex"), 400],
    ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["HTTP/0.9", "GET /livez\r\n\r\n", 400],
    ["HTTP/3.0", `GET /livez HTTP/3.0\r\n${HOST}\r\n`, 400],
    ["a lower-case version", `GET /livez http/1.1\r\n${HOST}\r\n`, 400],
    ["an unknown method", `BREW /livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["a lower-case method", `get /livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["TRACE", `TRACE /livez HTTP/1.1\r\n${HOST}\r\n`, 405],
    ["CONNECT", `CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n`, 405],
    ["no Host", "GET /livez HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", `GET /livez HTTP/1.1\r\n${HOST}Host: example.com\r\n\r\n`, 400],
    ["two equal Hosts", `GET /livez HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
    ["an empty Host", "GET /livez HTTP/1.1\r\nHost:\r\n\r\n", 400],
    ["a Host with a path", "GET /livez HTTP/1.1\r\nHost: 127.0.0.1/evil\r\n\r\n", 400],
    ["a Host with a user", "GET /livez HTTP/1.1\r\nHost: user@127.0.0.1\r\n\r\n", 400],
    ["a Host with a blank", "GET /livez HTTP/1.1\r\nHost: 127.0.0.1 evil\r\n\r\n", 400],
    ["a Host that is a number in another spelling", `GET /livez HTTP/1.1\r\nHost: 127.0.0.:1\r\n\r\n`, 400],
    ["a Host of five numbers", `GET /livez HTTP/1.1\r\nHost: 127.0.0.0.1\r\n\r\n`, 400],
    ["a Host with a port beyond all ports", `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:99999\r\n\r\n`, 400],
    ["a Host that is no IPv6 address", `GET /livez HTTP/1.1\r\nHost: [1::2::3]\r\n\r\n`, 400],
    ["a blank before the colon", `GET /livez HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n`, 400],
    ["a folded header", `GET /livez HTTP/1.1\r\n${HOST}X-A: 1\r\n 2\r\n\r\n`, 400],
    ["a header without a colon", `GET /livez HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400],
    ["NUL in a header", `GET /livez HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`, 400],
    ["a lone CR in a header", `GET /livez HTTP/1.1\r\n${HOST}X-A: a\rX-B: b\r\n\r\n`, 400],
    ["a blank before the first header", `GET /livez HTTP/1.1\r\n ${HOST}\r\n`, 400],
    ["both length and chunks", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("{}")}`, 400],
    ["chunks, then a length", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n${chunked("{}")}`, 400],
    ["two lengths that differ", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} `, 400],
    ["two equal lengths", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
    ["a list of lengths", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 2, 2\r\n\r\n{}`, 400],
    ["a negative length", `${CREATE}${HOST}${JSON_TYPE}Content-Length: -2\r\n\r\n{}`, 400],
    ["a length with a plus", `${CREATE}${HOST}${JSON_TYPE}Content-Length: +2\r\n\r\n{}`, 400],
    ["a hexadecimal length", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 0x2\r\n\r\n{}`, 400],
    ["a length beyond all numbers", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 99999999999999999999\r\n\r\n{}`, 400],
    ["an unknown transfer coding", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: gzip, chunked\r\n\r\n${chunked("{}")}`, 400],
    ["a transfer coding spelt wrongly", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: xchunked\r\n\r\n${chunked("{}")}`, 400],
    [
      "two transfer codings",
      `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunked("{}")}`,
      400,
    ],
    [
      "chunks in HTTP/1.0",
      `POST /api/v1/conversations HTTP/1.0\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunked("{}")}`,
      400,
    ],
    ["a chunk without a size", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n`, 400],
    ["a chunk longer than it says", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`, 400],
    ["a chunk of a negative size", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n`, 400],
    [
      "a chunk of a size beyond all numbers",
      `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`,
      400,
    ],
    [
      "chunk extensions without end",
      `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n2;${"a".repeat(40_000)}\r\n{}\r\n0\r\n\r\n`,
      413,
    ],
    ["20 kB in one header", `GET /livez HTTP/1.1\r\n${HOST}X-A: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["20 kB in many headers", `GET /livez HTTP/1.1\r\n${HOST}${"X-A: 1\r\n".repeat(2500)}\r\n`, 431],
    ["an address of 20 kB", `GET /livez?${"a".repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 431],
    ["broken percent-encoding in the path", `GET /livez%zz HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["half a percent-encoding", `GET /livez% HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["percent-encoding that is not UTF-8", `GET /api/v1/conversations/%ff%fe HTTP/1.1\r\n${HOST}${bearer(credential)}\r\n`, 400],
    ["broken percent-encoding in the query", `GET /livez?q=%g1 HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["a backslash in the path", `GET /livez\\..\\health HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["a fragment", `GET /livez#top HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["bytes above ASCII in the path", `GET /live\xe9z HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["an address without a slash", `GET livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["OPTIONS for everything", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["an absolute address of another host", `GET http://example.com/livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["an absolute address of another scheme", `GET ftp://127.0.0.1/livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["another expectation than 100-continue", `${CREATE}${HOST}Expect: 200-ok\r\nContent-Length: 0\r\n\r\n`, 400],
    ["two Authorization headers", `GET /livez HTTP/1.1\r\n${HOST}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`, 400],
    ["two Idempotency-Keys", `${CREATE}${HOST}Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 0\r\n\r\n`, 400],
  ];
}

/** Each is answered as the requests in it deserve, and nothing more. */
export function answeredRequests(credential: string | null): Answered[] {
  const CREATE = creation(credential);
  return [
    ["a plain request", LIVE, [200]],
    ["two requests at once", LIVE + LIVE, [200, 200]],
    ["HTTP/1.0 without Host", "GET /livez HTTP/1.0\r\n\r\n", [200]],
    ["empty lines before a request", `\r\n\r\n${LIVE}`, [200]],
    ["an absolute address of this host", `GET http://127.0.0.1/livez HTTP/1.1\r\n${HOST}\r\n`, [200]],
    ["an absolute address without a path", `GET http://127.0.0.1 HTTP/1.1\r\n${HOST}\r\n`, [404]],
    ["a body in chunks", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunked("{}")}`, [200]],
    [
      "chunks with an extension and trailers",
      `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX-A: 1\r\n\r\n`,
      [200],
    ],
    ["Expect: 100-continue", `${CREATE}${HOST}${JSON_TYPE}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`, [200]],
    ["a wish to upgrade", `GET /livez HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, [200]],
    ["a GET with a body, and another request", `GET /livez HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nGET /${LIVE}`, [200, 200]],
    ["a request in the body of another", `${CREATE}${HOST}${JSON_TYPE}Content-Length: ${LIVE.length}\r\n\r\n${LIVE}`, [400]],
    ["a good request, then nonsense", `${LIVE}nonsense\r\n\r\n`, [200, 400]],
    [
      "a good request, then one that is smuggled",
      `${LIVE}${CREATE}${HOST}${JSON_TYPE}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${LIVE}`,
      [200, 400],
    ],
    ["a refused request, then a good one", `GET /livez% HTTP/1.1\r\n${HOST}\r\n${LIVE}`, [400]],
    ["dots in the path", `GET /api/../livez HTTP/1.1\r\n${HOST}\r\n`, [200]],
    ["a method that no route has", `PATCH /livez HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ];
}

const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  ":",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "0\r\n\r\n",
  "%",
  "\xff",
  HOST,
  "GET / HTTP/1.1\r\n",
  "Expect: x\r\n",
];

const AT_ONCE = 10;

/**
 * Sends so many requests that were damaged at random. Every answer must be whole, none a failure of the server's, and there may be no
 * more answers than requests; afterwards it still serves. Resolves with the number of answers.
 */
export async function sendDamaged(port: number, credential: string | null, count: number): Promise<number> {
  let answered = 0;
  const request = `${creation(credential)}${HOST}${JSON_TYPE}Content-Length: 16\r\n\r\n{"source":"abc"}`;
  const edit = fc.tuple(fc.nat(request.length), fc.nat(6), fc.constantFrom(...PIECES));
  const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
  const send = async (changes: readonly [number, number, string][]): Promise<void> => {
    let text = request;
    for (const [at, cut, piece] of changes) text = text.slice(0, at) + piece + text.slice(at + cut);
    const { answers, rest } = await exchange(port, text, { patienceMs: 50 });
    expect(rest).toBe("");
    expect(answers.length).toBeLessThanOrEqual(1 + text.split("HTTP/1.1").length);
    answered += answers.length;
    for (const answer of answers) {
      expect(answer.status).toBeLessThan(500);
      if (answer.status >= 400) expect(noEnvelope(answer)).toBeNull();
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(edits, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (some) => {
      await Promise.all(some.map(send));
    }),
    { numRuns: Math.ceil(count / AT_ONCE), seed: 20_250_125 },
  );
  const { answers } = await exchange(port, LIVE, { patienceMs: 3000 });
  expect(answers.map(({ status }) => status)).toEqual([200]);
  return answered;
}

/** Sends a beginning, then a little more every half second, until the server ends it. */
export async function trickle(port: number, begin: string, more: string): Promise<RawExchange> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
  socket.write(begin);
  const started = performance.now();
  const timer = setInterval(() => socket.write(more), 500);
  await once(socket, "close");
  clearInterval(timer);
  // Ten seconds are promised; twice that only catches a hang.
  expect(performance.now() - started).toBeLessThan(20_000);
  return { ...readAnswers(Buffer.concat(chunks)), closed: true };
}

/** Begins of bodies that come too slowly, what comes then, and what is answered in all. */
export function slowBodies(credential: string | null): (readonly [name: string, begin: string, more: string, statuses: number[]])[] {
  const CREATE = creation(credential);
  return [
    ["with a length", `${CREATE}${HOST}${JSON_TYPE}Content-Length: 1000\r\n\r\n`, "a", [408]],
    ["in chunks", `${CREATE}${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`, "1\r\na\r\n", [408]],
    ["after a request that is answered", `${LIVE}${CREATE}${HOST}${JSON_TYPE}Content-Length: 1000\r\n\r\n`, "a", [200, 408]],
  ];
}

/** Opens so many connections that say nothing, asks on another one, and answers the statuses. */
export async function besideSilentOnes(port: number, silent: number): Promise<number[]> {
  const sockets = Array.from({ length: silent }, () => connect(port, "127.0.0.1").on("error", () => {}));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const { answers } = await exchange(port, LIVE, { patienceMs: 3000 });
  for (const socket of sockets) socket.destroy();
  return answers.map(({ status }) => status);
}
