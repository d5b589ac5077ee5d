// HTTP as bytes: sends what no client would, and reads the answers strictly.

import { connect } from "node:net";

/** One answer, as it stood on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came back on a connection. `rest` is what is left when no further answer can be read: empty, if all is well. */
export interface RawExchange {
  readonly answers: readonly RawAnswer[];
  readonly rest: string;
  /** Whether the server ended the connection, rather than our patience. */
  readonly closed: boolean;
}

/** What is sent, and how long is waited after the last byte that came in. A function sends more when it likes. */
export interface RawOptions {
  readonly patienceMs?: number;
  /** `HEAD` was asked: answers have no body. */
  readonly head?: boolean;
}

/** Reads answers one after another; interim ones (1xx) are left out. */
export function readAnswers(bytes: Buffer, head = false): { answers: RawAnswer[]; rest: string } {
  const answers: RawAnswer[] = [];
  let text = bytes.toString("latin1");
  for (;;) {
    const match = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n:]+:[^\r\n]*\r\n)*)\r\n/.exec(text);
    if (!match) return { answers, rest: text };
    const status = Number(match[1]);
    const headers: Record<string, string> = {};
    for (const line of match[2]!.split("\r\n").filter(Boolean)) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const from = match[0].length;
    if (status < 200) {
      text = text.slice(from);
      continue;
    }
    const framed = bodyAt(text, from, headers, head || status === 204 || status === 304);
    if (framed === null) return { answers, rest: text };
    answers.push({ status, headers, body: Buffer.from(framed.body, "latin1").toString("utf8") });
    text = text.slice(framed.end);
  }
}

function bodyAt(text: string, from: number, headers: Record<string, string>, none: boolean): { body: string; end: number } | null {
  if (none) return { body: "", end: from };
  const length = headers["content-length"];
  if (length !== undefined) {
    const end = from + Number(length);
    return text.length < end ? null : { body: text.slice(from, end), end };
  }
  if (headers["transfer-encoding"] !== "chunked") return { body: text.slice(from), end: text.length };
  let body = "";
  for (let at = from; ;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20));
    if (!size) return null;
    const begin = at + size[0].length;
    const end = begin + Number.parseInt(size[1]!, 16);
    if (text.length < end + 2) return null;
    if (end === begin) return { body, end: end + 2 };
    body += text.slice(begin, end);
    at = end + 2;
  }
}

/** Sends bytes on one connection and gathers what comes back, until the server closes it or is silent for `patienceMs` (300 by default). */
export function exchange(port: number, send: string | Buffer, { patienceMs = 300, head = false }: RawOptions = {}): Promise<RawExchange> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...readAnswers(Buffer.concat(chunks), head), closed });
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), patienceMs);
    };
    socket.on("connect", () => {
      socket.write(typeof send === "string" ? Buffer.from(send, "latin1") : send);
      wait();
    });
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      wait();
    });
    // A reset after the answer is an end like any other.
    socket.on("error", () => finish(true)).on("close", () => finish(true));
  });
}
