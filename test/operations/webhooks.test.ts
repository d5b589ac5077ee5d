// Webhooks: how they are signed, where they may go, and that none is lost.

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { postWebhook, WebhookError, type PostOptions } from "../../src/operations/post-webhook.ts";
import { isPublicAddress } from "../../src/operations/public-address.ts";
import { createWebhookOutbox, GAPS_MS } from "../../src/operations/webhook-outbox.ts";
import { webhookHeaders } from "../../src/operations/webhook-signature.ts";
import { startReceiver, WEBHOOK_SECRET } from "./receiver.ts";

const BODY = JSON.stringify({ type: "alert.fired", timestamp: "2026-01-15T12:00:00.000Z", data: { alert: "disk_low" } });

const post = (url: string, options: Partial<PostOptions> = {}, id = "msg_1"): Promise<void> =>
  postWebhook(url, webhookHeaders(WEBHOOK_SECRET, id, Date.now(), BODY), BODY, { allowPrivate: true, ...options });

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "taken",
    (error: unknown) => (error instanceof WebhookError ? error.message : String(error)),
  );

describe("a signature", () => {
  it("is verified by a receiver, and is another for another time, ID, body or secret", async () => {
    const { url, received } = await startReceiver();
    await post(url);
    expect(received).toMatchObject([{ id: "msg_1", valid: true, path: "/hook", body: JSON.parse(BODY) as object }]);
    const at = Date.UTC(2026, 0, 15);
    const other = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
    const all = [
      webhookHeaders(WEBHOOK_SECRET, "a", at, BODY),
      webhookHeaders(WEBHOOK_SECRET, "a", at + 1000, BODY),
      webhookHeaders(WEBHOOK_SECRET, "b", at, BODY),
      webhookHeaders(WEBHOOK_SECRET, "a", at, `${BODY} `),
      webhookHeaders(other, "a", at, BODY),
    ].map((headers) => headers["webhook-signature"]!);
    expect(new Set(all).size).toBe(5);
    for (const signature of all) expect(signature).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });
});

describe("an address", () => {
  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "localhost",
    "",
  ])("%s is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "169.253.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])(
    "%s is public",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it("is refused in whatever way it is written, and nothing is sent there", async () => {
    const { port, received } = await startReceiver();
    const hosts = [
      "127.0.0.1",
      "127.1",
      "2130706433",
      "0177.0.0.1",
      "0x7f.1",
      "0x7f000001",
      "[::ffff:127.0.0.1]",
      "[::1]",
      "0",
      "localhost",
    ];
    for (const host of [...hosts, "LOCALHOST", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "[fe80::1]"])
      expect([host, await failure(post(`http://${host}:${port}/hook`, { allowPrivate: false }))]).toEqual([
        host,
        expect.stringMatching(/private or loopback address/),
      ]);
    expect(received).toEqual([]);
    await post(`http://2130706433:${port}/hook`);
    expect(received).toHaveLength(1);
  });

  it("of a name is refused if any of its addresses is private", async () => {
    const { port, received } = await startReceiver();
    const resolve = async () => [
      { address: "8.8.8.8", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ];
    expect(await failure(post(`http://hooks.example:${port}/`, { allowPrivate: false, resolve }))).toMatch(/private or loopback/);
    expect(received).toEqual([]);
  });

  it("that was checked is the one connected to, though the name would resolve to another by then; the name stays the Host", async () => {
    const { port, received } = await startReceiver();
    let asked = 0;
    const resolve = async () => [{ address: asked++ === 0 ? "127.0.0.1" : "192.0.2.1", family: 4 }];
    await post(`http://hooks.example.invalid:${port}/hook`, { resolve });
    expect([asked, received.map(({ host }) => host)]).toEqual([1, [`hooks.example.invalid:${port}`]]);
  });
});

describe("a receiver", () => {
  it.each([200, 201, 204, 299])("that answers %i has taken it", async (status) => {
    const { url } = await startReceiver((response) => response.writeHead(status).end());
    expect(await failure(post(url))).toBe("taken");
  });

  it.each([300, 400, 410, 429, 500, 503])("that answers %i has not", async (status) => {
    const { url } = await startReceiver((response) => response.writeHead(status).end());
    expect(await failure(post(url))).toBe(`it answered ${status}`);
  });

  it.each([301, 302, 303, 307, 308])("that redirects with %i is not followed", async (status) => {
    const other = await startReceiver();
    const { url } = await startReceiver((response) => response.writeHead(status, { location: other.url }).end());
    expect(await failure(post(url))).toBe(`it answered ${status}`);
    expect(other.received).toEqual([]);
  });

  it("that never answers, answers by the byte, or is silent from the start is cut", async () => {
    const silent = await startReceiver(() => {});
    const byByte = createServer((socket) => {
      const timer = setInterval(() => socket.write("H"), 50);
      socket.on("error", () => {}).on("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => byByte.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void byByte.close());
    const slow = `http://127.0.0.1:${(byByte.address() as AddressInfo).port}/`;
    const began = performance.now();
    expect(await failure(post(silent.url, { timeoutMs: 300 }))).toBe("it did not answer in time");
    expect(await failure(post(slow, { timeoutMs: 300 }))).toMatch(/did not answer in time|cannot be reached/);
    expect(await failure(post("http://hooks.example/", { timeoutMs: 300, resolve: () => new Promise(() => {}) }))).toBe(
      "it did not answer in time",
    );
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("whose answer never ends has taken it by its status, and is read no further", async () => {
    let closed: () => void = () => {};
    const cut = new Promise<void>((resolve) => (closed = resolve));
    const { url } = await startReceiver((response) => {
      const timer = setInterval(() => response.write("x".repeat(10_000)), 5);
      response.writeHead(200).on("close", () => (clearInterval(timer), closed()));
      response.write("x");
    });
    expect(await failure(post(url))).toBe("taken");
    await cut;
  });

  it("that is not there is a failure that shows no address", async () => {
    const message = await failure(post("http://127.0.0.1:1/secret-path"));
    expect(message).toMatch(/^it cannot be reached \(\w+\)$/);
  });
});

describe("the outbox of webhooks", () => {
  function world(send: (id: string, body: string, nth: number) => Promise<void>, drawn = 0.5) {
    const time = { now: Date.UTC(2026, 0, 15) };
    const { records } = memoryStores({ clock: () => time.now });
    const sent: { id: string; at: number }[] = [];
    const outcomes: string[] = [];
    const open = () =>
      createWebhookOutbox({
        records,
        clock: () => time.now,
        random: () => drawn,
        onAttempt: (outcome) => outcomes.push(outcome),
        async send(id, body) {
          sent.push({ id, at: time.now });
          await send(id, body, sent.length);
        },
      });
    return { time, records, sent, outcomes, open };
  }
  const refuses = () => Promise.reject(new WebhookError("it answered 500"));

  it("delivers each once, and keeps nothing of it", async () => {
    const { open, sent } = world(async () => {});
    const outbox = open();
    await outbox.add("msg_1", BODY);
    await outbox.add("msg_1", BODY);
    await outbox.add("msg_2", BODY);
    expect([await outbox.deliver(), await outbox.deliver()]).toEqual([2, 0]);
    expect(sent.map(({ id }) => id)).toEqual(["msg_1", "msg_2"]);
    expect(await outbox.counts()).toEqual({ waiting: 0, dead: 0, deadToday: 0 });
  });

  it("tries again under the same ID with growing gaps, then keeps it as a dead letter for a month", async () => {
    const { open, sent, time, outcomes } = world(refuses);
    const outbox = open();
    await outbox.add("msg_1", BODY);
    for (let minutes = 0; minutes < 4 * 24 * 60; minutes++) {
      await outbox.deliver();
      time.now += 60_000;
    }
    expect(new Set(sent.map(({ id }) => id))).toEqual(new Set(["msg_1"]));
    expect(sent).toHaveLength(GAPS_MS.length + 1);
    const gaps = sent.slice(1).map(({ at }, i) => at - sent[i]!.at);
    for (const [i, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(GAPS_MS[i]!);
    expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps);
    expect(outcomes).toEqual([...GAPS_MS.map(() => "failed"), "dead"]);
    expect(await outbox.counts()).toMatchObject({ waiting: 0, dead: 1 });
    time.now += 31 * 86_400_000;
    expect(await outbox.counts()).toMatchObject({ dead: 0 });
  });

  it.each([
    [0, 0.8],
    [1, 1.2],
  ])("jitters its gaps by a fifth: with %d the first is %d times as long", async (drawn, times) => {
    const { open, sent, time } = world(refuses, drawn);
    const outbox = open();
    await outbox.add("msg_1", BODY);
    await outbox.deliver();
    time.now += GAPS_MS[0]! * times - 1;
    await outbox.deliver();
    expect(sent).toHaveLength(1);
    time.now += 1;
    await outbox.deliver();
    expect(sent).toHaveLength(2);
  });

  it("survives a crash in the middle of an attempt: the next server makes it again under the same ID", async () => {
    const { open, sent, time } = world((_, __, nth) => (nth === 1 ? new Promise(() => {}) : Promise.resolve()));
    await open().add("msg_1", BODY);
    // This one never comes back from its attempt, as if its process had ended there.
    void open().deliver();
    while (sent.length === 0) await Promise.resolve();
    const next = open();
    expect(await next.deliver()).toBe(0);
    time.now += 61_000;
    expect(await next.deliver()).toBe(1);
    expect(sent.map(({ id }) => id)).toEqual(["msg_1", "msg_1"]);
  });

  it("on several servers makes each attempt once", async () => {
    const { open, sent } = world(() => new Promise((resolve) => setTimeout(resolve, 5)));
    const servers = [open(), open(), open()];
    for (let i = 0; i < 20; i++) await servers[0]!.add(`msg_${i}`, BODY);
    const delivered = await Promise.all(servers.map((server) => server.deliver()));
    expect([delivered.reduce((a, b) => a + b), sent.length]).toEqual([20, 20]);
  });
});
