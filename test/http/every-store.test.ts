// ETags and idempotency keys through the HTTP door, on every store: what makes a repeated or a late request harmless wherever it is kept.

import { describe, expect, it } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { onEveryStore, HOUR, type World } from "../manager/worlds.ts";
import { appOptions, BASE, send, UNKNOWN, type Answer, type Sent } from "./service.ts";

/** Two servers over the same stores, with a conversation. */
async function served(open: () => Promise<World>) {
  const world = await open();
  const app = (manager = world.manager) => createApp({ ...appOptions(manager), clock: world.clock.now });
  const [one, other] = [app(), app(world.over())];
  const call = (method: string, path: string, sent?: Sent): Promise<Answer> => send(one, method, path, sent);
  const { json } = await call("POST", BASE, { body: { source: "web" } });
  return {
    world,
    call,
    elsewhere: (method: string, path: string, sent?: Sent) => send(other, method, path, sent),
    path: `${BASE}/${json.conversationId}`,
  };
}

onEveryStore("through the door", (open) => {
  describe("Idempotency-Key", () => {
    const keyed = (key: string, body: unknown = { role: "user", content: "a" }): Sent => ({ body, headers: { "idempotency-key": key } });

    it("an append that is sent again is replayed with the same answer, on another server too", async () => {
      const { call, elsewhere, path } = await served(open);
      const target = `${path}/messages?window=5`;
      const first = await call("POST", target, keyed("k"));
      const again = await elsewhere("POST", target, keyed("k"));
      expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([200, null]);
      expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
      expect(again.json).toEqual(first.json);
      expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
      expect((await call("GET", path)).json.data.messageCount).toBe(1);
    });

    it("a creation that is sent again is replayed, and twenty at once make one", async () => {
      const { call, elsewhere } = await served(open);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? call : elsewhere)("POST", BASE, keyed("c", { source: "web" }))),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(new Set(answers.map(({ json }) => json.conversationId)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === null)).toHaveLength(1);
    });

    it("two at once on two servers do it once, and both answer the same", async () => {
      const { call, elsewhere, path } = await served(open);
      for (let n = 0; n < 10; n++) {
        const [one, two] = await Promise.all([call, elsewhere].map((each) => each("POST", `${path}/messages`, keyed(`k-${n}`, { n }))));
        expect([one!.status, two!.status]).toEqual([200, 200]);
        expect(one!.json.data).toEqual(two!.json.data);
        expect([one, two].filter((answer) => answer!.headers.get("idempotency-replayed") === "true")).toHaveLength(1);
      }
      expect((await call("GET", path)).json.data.messageCount).toBe(10);
    });

    it("with another body it is 422, and changes nothing", async () => {
      const { call, elsewhere, path } = await served(open);
      await call("POST", `${path}/messages`, keyed("k"));
      await call("POST", BASE, keyed("c", { source: "web" }));
      const refused = { status: 422, json: { code: "idempotency_key_reused" } };
      expect(await elsewhere("POST", `${path}/messages`, keyed("k", { role: "user", content: "b" }))).toMatchObject(refused);
      expect(await elsewhere("POST", `${path}/messages?window=1`, keyed("k"))).toMatchObject(refused);
      expect(await elsewhere("POST", BASE, keyed("c", { source: "other" }))).toMatchObject(refused);
      expect((await call("GET", path)).json.data.messageCount).toBe(1);
    });

    it("a refusal is not kept, and after a day the key is free", async () => {
      const { world, call, path } = await served(open);
      const late = { ...keyed("k"), headers: { "idempotency-key": "k", "if-match": '"x.1-0-all"' } };
      expect((await call("POST", `${path}/messages`, late)).status).toBe(412);
      expect((await call("POST", `${path}/messages`, keyed("k"))).status).toBe(200);
      world.clock.pass(24 * HOUR + 1);
      const after = await call("POST", `${path}/messages`, keyed("k", { role: "user", content: "b" }));
      expect([after.status, after.headers.get("idempotency-replayed")]).toEqual([200, null]);
    });

    it("a replay holds after the conversation went to the archive and came back", async () => {
      const { world, call, path } = await served(open);
      const first = await call("POST", `${path}/messages`, keyed("k"));
      await world.manager.archiveConversation(path.slice(BASE.length + 1));
      await world.pass(3 * HOUR);
      const again = await call("POST", `${path}/messages`, keyed("k"));
      expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
      expect(again.json.data.messages).toEqual(first.json.data.messages);
      expect((await call("GET", `${path}?touch=false`)).json.data.messageCount).toBe(1);
    });
  });

  describe("ETag", () => {
    const update = (tag: string, n = 1): Sent => ({ body: { metadata: { n } }, headers: { "if-match": tag } });

    it("a stale one is 412 with the current one, for every verb", async () => {
      const { call, path } = await served(open);
      const tag = (await call("GET", path)).headers.get("etag")!;
      const done = await call("PUT", path, update(tag));
      expect(done.status).toBe(200);
      const current = done.headers.get("etag")!;
      const before = (text: string) => text.split("-")[0];
      for (const [method, below, body] of [
        ["PUT", "", { metadata: { n: 2 } }],
        ["PUT", "/extend", undefined],
        ["POST", "/messages", { content: "x" }],
        ["POST", "/complete", undefined],
        ["DELETE", "", undefined],
        ["DELETE", "?preserveData=false", undefined],
        ["POST", "/hold", { reason: "x" }],
        ["POST", "/erase", undefined],
      ] as const) {
        const late = await call(method, path + below, { body, headers: { "if-match": tag } });
        expect(late, method + below).toMatchObject({ status: 412, json: { code: "version_mismatch", details: { version: 2 } } });
        expect(before(late.headers.get("etag")!), method + below).toBe(before(current));
      }
      expect((await call("PUT", path, update(current, 3))).status).toBe(200);
    });

    it("weak ones, those of others, and of another conversation never match", async () => {
      const { call, path } = await served(open);
      const tag = (await call("GET", path)).headers.get("etag")!;
      const { json } = await call("POST", BASE, { body: {} });
      const foreign = (await call("GET", `${BASE}/${json.conversationId}`)).headers.get("etag")!;
      for (const condition of [`W/${tag}`, '"abc"', foreign])
        expect((await call("PUT", path, update(condition))).status, condition).toBe(412);
      expect((await call("PUT", `${BASE}/${UNKNOWN}`, update(tag))).status).toBe(404);
      expect((await call("PUT", path, update(tag))).status).toBe(200);
    });

    it("of 50 updates with one, on two servers, one is done and forty-nine are 412", async () => {
      const { call, elsewhere, path } = await served(open);
      const tag = (await call("GET", path)).headers.get("etag")!;
      const statuses = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => (await (n % 2 === 0 ? call : elsewhere)("PUT", path, update(tag, n))).status),
      );
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 49 }, () => 412)]);
      expect((await call("GET", path)).json.data.version).toBe(2);
    });

    it("does not come back to life when the conversation comes back from the archive", async () => {
      const { world, call, path } = await served(open);
      await call("POST", `${path}/messages`, { body: { content: "x" } });
      const tag = (await call("GET", path)).headers.get("etag")!;
      await world.moveToArchive(path.slice(BASE.length + 1));
      expect((await call("PUT", path, update(tag))).status).toBe(412);
      const archived = (await call("GET", path)).headers.get("etag")!;
      expect((await call("PUT", path, update(archived))).status).toBe(200);
      for (const old of [tag, archived]) expect((await call("PUT", path, update(old))).status).toBe(412);
    });

    it("answers 304 as long as nothing has changed", async () => {
      const { call, elsewhere, path } = await served(open);
      const tag = (await call("GET", `${path}?touch=false`)).headers.get("etag")!;
      const read = (each: typeof call) => each("GET", `${path}?touch=false`, { headers: { "if-none-match": tag } });
      expect(await read(elsewhere)).toMatchObject({ status: 304, text: "" });
      await call("POST", `${path}/messages`, { body: { content: "x" } });
      expect((await read(elsewhere)).status).toBe(200);
    });
  });
});
