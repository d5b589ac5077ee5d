// Load over HTTP/1.1, from connections that stay open: written for this, so that it costs the machine as little as can be.

import { connect, type Socket } from "node:net";

/** An answer: its status, its body where it was asked for, and the milliseconds since it was due. */
interface Answer {
  status: number;
  body: string;
}

/** A connection on which one request is under way at a time. */
export interface Client {
  /** Sends a request as it stands. Rejects if the connection ends first. */
  readonly send: (request: string) => Promise<Answer>;
  readonly close: () => void;
}

const HEAD_END = "\r\n\r\n";

/** Opens a connection to a server. */
export async function openClient(url: string): Promise<Client> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let received = "";
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  // Latin-1 keeps bytes and characters the same, so that lengths can be compared.
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    received += text;
    const end = received.indexOf(HEAD_END);
    if (end === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < end + HEAD_END.length + length) return;
    const answer = { status: Number(received.slice(9, 12)), body: received.slice(end + HEAD_END.length) };
    received = "";
    const resolve = waiting?.resolve;
    waiting = null;
    resolve?.(answer);
  });
  const fail = (): void => {
    waiting?.reject(new Error("the server closed the connection"));
    waiting = null;
  };
  socket.on("error", fail);
  socket.on("close", fail);
  return {
    send(request) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("the server closed the connection"));
        waiting = { resolve, reject };
        socket.write(request);
      });
    },
    close: () => socket.destroy(),
  };
}

/** A request with a JSON body, as it goes over the wire. */
export function jsonRequest(method: string, path: string, body?: object): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n`;
  return text === ""
    ? `${head}content-length: 0\r\n\r\n`
    : `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** What came of some load. */
export interface Outcome {
  /** Answers of status 200 a second. */
  rate: number;
  /** Milliseconds to each answer of status 200, in order. */
  served: number[];
  /** The same of the answers of status 429 and 503. */
  shed: number[];
  /** Answers of any other status, and connections that broke. */
  failed: number;
  /** Requests that were due while every connection was still waiting, and were never sent. */
  unsent: number;
}

interface Collector {
  readonly take: (answer: Promise<Answer>, due: number) => Promise<void>;
  readonly outcome: (ms: number, unsent?: number) => Outcome;
}

function collector(): Collector {
  const served: number[] = [];
  const shed: number[] = [];
  let failed = 0;
  return {
    async take(answer: Promise<Answer>, due: number): Promise<void> {
      try {
        const { status } = await answer;
        const ms = performance.now() - due;
        if (status === 200) served.push(ms);
        else if (status === 429 || status === 503) shed.push(ms);
        else failed++;
      } catch {
        failed++;
      }
    },
    outcome(ms: number, unsent = 0): Outcome {
      const order = (values: number[]): number[] => values.toSorted((a, b) => a - b);
      return { rate: (served.length / ms) * 1000, served: order(served), shed: order(shed), failed, unsent };
    },
  };
}

/** Each client sends its next request as soon as it has its answer, for `ms`. `request` is given the client's number. */
export async function closedLoop(clients: readonly Client[], ms: number, request: (client: number) => string): Promise<Outcome> {
  const { take, outcome } = collector();
  const start = performance.now();
  await Promise.all(
    clients.map(async (client, number) => {
      for (let now = start; now - start < ms; now = performance.now()) await take(client.send(request(number)), now);
    }),
  );
  return outcome(performance.now() - start);
}

/**
 * Requests come at a rate of their own, whether or not earlier ones have been answered; each is sent by a client that is free. Times
 * count from when a request was due, so that none is forgotten that had to wait; or from when it was `sent`.
 */
export async function openLoop(
  clients: readonly Client[],
  { ms, perSecond, since }: { ms: number; perSecond: number; since: "due" | "sent" },
  request: (client: number) => string,
): Promise<Outcome> {
  const { take, outcome } = collector();
  const free = clients.map((_, number) => number);
  const under = new Set<Promise<void>>();
  const start = performance.now();
  let due = 0;
  let unsent = 0;
  for (let now = start; now - start < ms; now = performance.now()) {
    for (; due < ((now - start) / 1000) * perSecond; due++) {
      const number = free.shift();
      if (number === undefined) {
        unsent++;
        continue;
      }
      const from = since === "sent" ? performance.now() : start + (due / perSecond) * 1000;
      const one = take(clients[number]!.send(request(number)), from).then(() => {
        free.push(number);
        under.delete(one);
      });
      under.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const elapsed = performance.now() - start;
  await Promise.all(under);
  return outcome(elapsed, unsent);
}

/** The value below which a part of ordered values lies; NaN of none. */
export function percentile(ordered: readonly number[], part: number): number {
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * part))] ?? Number.NaN;
}
