// Extending, completing, archiving, wiping, erasing and holding over HTTP.

import { beforeEach, describe, expect, it } from "vitest";
import { BASE, startService, UNKNOWN } from "./service.ts";

const HOUR = 3_600_000;

let service: ReturnType<typeof startService>;
let path: string;

beforeEach(async () => {
  service = startService();
  path = `${BASE}/${await service.create({ initialContext: { email: "Anna@example.it" } })}`;
  await service.call("POST", `${path}/messages`, { body: { role: "user", content: "ciao" } });
});

describe("extending", () => {
  it("is by 24 hours without a body, and answers the hours", async () => {
    const { status, json } = await service.call("PUT", `${path}/extend`);
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["success", "data", "extended"]);
    expect(json.extended).toBe(24);
    expect(json.data.messageCount).toBe(1);
  });

  it("moves the expiry to at least so many hours from now", async () => {
    const { json } = await service.call("PUT", `${path}/extend`, { body: { extensionHours: 100, reason: "ferie", whatever: 1 } });
    expect(Date.parse(json.data.expiresAt)).toBe(service.time.now + 100 * HOUR);
  });

  it("by no whole number from 1 to the maximum is 400, in the guide's sentence", async () => {
    for (const extensionHours of [0, -1, 169, 1.5, "24", null, true, [], {}]) {
      const answer = await service.call("PUT", `${path}/extend`, { body: { extensionHours } });
      expect(answer, JSON.stringify(extensionHours)).toMatchObject({
        status: 400,
        json: { code: "invalid_input", error: "Extension hours must be between 1 and 168 (7 days)" },
      });
    }
  });

  it("the sentence is built from the maximum: days stand there only where they are whole", async () => {
    for (const [maxExtensionHours, sentence] of [
      [24, "Extension hours must be between 1 and 24 (1 day)"],
      [36, "Extension hours must be between 1 and 36"],
      [720, "Extension hours must be between 1 and 720 (30 days)"],
    ] as const) {
      const other = startService({ maxExtensionHours }, { maxExtensionHours });
      const id = await other.create();
      const { json } = await other.call("PUT", `${BASE}/${id}/extend`, { body: { extensionHours: maxExtensionHours + 1 } });
      expect(json.error).toBe(sentence);
    }
  });

  it("refuses a long reason", async () => {
    expect((await service.call("PUT", `${path}/extend`, { body: { reason: "x".repeat(201) } })).status).toBe(400);
    expect((await service.call("PUT", `${path}/extend`, { body: { reason: "x".repeat(200) } })).status).toBe(200);
  });
});

describe("completing and reopening", () => {
  it("go there and back, and ignore what stands in the body", async () => {
    expect((await service.call("POST", `${path}/complete`, { body: { note: "done" } })).json.data.status).toBe("completed");
    expect((await service.call("POST", `${path}/complete`)).json.data.status).toBe("completed");
    expect((await service.call("POST", `${path}/reopen?messages=none`)).json.data).toMatchObject({ status: "active", messages: [] });
  });

  it("completing what is archived is 409", async () => {
    await service.call("DELETE", path);
    expect(await service.call("POST", `${path}/complete`)).toMatchObject({ status: 409, json: { code: "conflict" } });
    expect((await service.call("POST", `${path}/reopen`)).json.data.status).toBe("active");
  });
});

describe("archiving", () => {
  it("answers the conversation; the reason is manual, or that of body or query", async () => {
    for (const [query, body, reason] of [
      ["", undefined, "manual"],
      ["", {}, "manual"],
      ["", { reason: "risolto" }, "risolto"],
      ["?reason=risolto", undefined, "risolto"],
      ["?reason=risolto&preserveData=true", { reason: "risolto", preserveData: true, more: 1 }, "risolto"],
    ] as const) {
      const id = await service.create();
      const { status, json } = await service.call("DELETE", `${BASE}/${id}${query}`, { body });
      expect(status).toBe(200);
      expect(Object.keys(json)).toEqual(["success", "data"]);
      expect(json.data).toMatchObject({ id, status: "archived", archiveReason: reason, expiresAt: null });
      expect(json.data).not.toHaveProperty("receipt");
    }
  });

  it("refuses a reason that is empty or over 50 characters, and what is not true or false", async () => {
    for (const [query, body] of [
      ["", { reason: "" }],
      ["", { reason: "x".repeat(51) }],
      ["?reason=", undefined],
      ["", { reason: null }],
      ["", { preserveData: "false" }],
      ["", { preserveData: 0 }],
      ["?preserveData=no", undefined],
      ["?preserveData=false", { preserveData: true }],
      ["?reason=a", { reason: "b" }],
    ] as const) {
      expect((await service.call("DELETE", `${path}${query}`, { body })).status, JSON.stringify([query, body])).toBe(400);
    }
    expect((await service.call("GET", path)).json.data.status).toBe("active");
  });

  it("with preserveData false it wipes: the answer is exactly ID and status, and a receipt", async () => {
    for (const [query, body] of [
      ["", { preserveData: false }],
      ["?preserveData=false", undefined],
    ] as const) {
      const id = await service.create({ initialContext: { secret: "canary" } });
      await service.call("POST", `${BASE}/${id}/messages`, { body: { content: "canary" } });
      const { status, json } = await service.call("DELETE", `${BASE}/${id}${query}`, { body });
      expect(status).toBe(200);
      expect(json).toEqual({
        success: true,
        data: { id, status: "archived" },
        receipt: expect.objectContaining({ id, action: "wiped", removed: { hot: 1, archive: 0 } }),
      });
      const read = await service.call("GET", `${BASE}/${id}`);
      expect(read.json.data).toMatchObject({ status: "archived", messages: [], metadata: {}, messageCount: 1 });
      expect(read.text).not.toContain("canary");
      expect(await service.call("PUT", `${BASE}/${id}`, { body: { metadata: { a: 1 } } })).toMatchObject({
        status: 409,
        json: { error: "Conversation was wiped" },
      });
    }
  });
});

describe("erasing", () => {
  it("answers a receipt, twice the same, and reading is 410 from then on", async () => {
    const first = await service.call("POST", `${path}/erase`, { body: { reason: "richiesta" } });
    expect(first.json).toEqual({
      success: true,
      receipt: expect.objectContaining({ action: "erased", at: "2026-01-15T12:00:00.000Z", backupsExpireAt: null }),
    });
    service.time.now += HOUR;
    expect((await service.call("POST", `${path}/erase`)).json).toEqual(first.json);
    for (const [method, below] of [
      ["GET", ""],
      ["GET", "/messages"],
      ["GET", "/events"],
      ["DELETE", ""],
      ["PUT", "/extend"],
    ] as const) {
      expect(await service.call(method, path + below), method + below).toMatchObject({
        status: 410,
        json: { code: "gone", error: "Conversation was erased" },
      });
    }
  });

  it("a legal hold refuses it until it is released", async () => {
    expect((await service.call("POST", `${path}/hold`, { body: { reason: "causa 12/2026" } })).json.data.id).toBeDefined();
    expect(await service.call("POST", `${path}/erase`)).toMatchObject({ status: 409 });
    expect(await service.call("DELETE", `${path}?preserveData=false`)).toMatchObject({ status: 409 });
    await service.call("POST", `${path}/release`, { body: { reason: "chiusa" } });
    expect((await service.call("POST", `${path}/erase`)).status).toBe(200);
  });

  it("hold and release need a reason", async () => {
    for (const body of [undefined, {}, { reason: "" }, { reason: "x".repeat(201) }]) {
      for (const verb of ["hold", "release"]) expect((await service.call("POST", `${path}/${verb}`, { body })).status).toBe(400);
    }
  });

  it("a person's conversations are found, first without effect", async () => {
    await service.manager.deliver();
    const body = { key: "email", value: " anna@EXAMPLE.it " };
    const dry = await service.call("POST", "/api/v1/erasures", { body: { ...body, dryRun: true } });
    expect(dry.json).toEqual({ success: true, receipts: [{ id: path.slice(BASE.length + 1), messages: 1 }] });
    expect((await service.call("GET", path)).status).toBe(200);
    const done = await service.call("POST", "/api/v1/erasures", { body });
    expect(done.json.receipts).toMatchObject([{ messages: 1, receipt: { action: "erased" } }]);
    expect((await service.call("GET", path)).status).toBe(410);
  });

  it("refuses an erasure with unknown fields, or of what is no subject", async () => {
    for (const [body, error] of [
      [{ key: "email", value: "a", force: true }, "The body must hold no other fields than key, value, dryRun"],
      [{ key: "email" }, "value must be a text of 1 to 512 characters"],
      [{ key: "email", value: "a", dryRun: "yes" }, "dryRun must be true or false"],
      [{ key: "city", value: "Monza" }, "key must be one of email, phone, visitorId (SUBJECT_KEYS)"],
    ] as const) {
      expect(await service.call("POST", "/api/v1/erasures", { body }), error).toMatchObject({ status: 400, json: { error } });
    }
  });
});

describe("events", () => {
  it("are what happened, oldest first, in pages", async () => {
    await service.call("POST", `${path}/complete`);
    await service.call("PUT", `${path}/extend`, { body: { extensionHours: 48, reason: "ferie" } });
    await service.call("DELETE", path);
    await service.manager.deliver();
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const { status, json } = await service.call("GET", `${path}/events?limit=3${query}`);
      expect(status).toBe(200);
      seen.push(...(json.data as unknown as { event: string }[]).map(({ event }) => event));
      cursor = json.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(["created", "completed", "extended", "archived"]);
  });

  it("refuse a cursor that is not theirs", async () => {
    expect((await service.call("GET", `${path}/events?cursor=AAAA`)).status).toBe(400);
    expect((await service.call("GET", `${path}/events?limit=0`)).status).toBe(400);
    expect((await service.call("GET", `${BASE}/${UNKNOWN}/events`)).status).toBe(404);
  });
});

describe("analytics", () => {
  it("counts by day, both days inclusive, with zeros", async () => {
    await service.manager.deliver();
    const { status, json } = await service.call("GET", "/api/v1/analytics?from=2026-01-14&to=2026-01-15");
    expect(status).toBe(200);
    expect(json.data).toMatchObject({
      days: [
        { date: "2026-01-14", total: 0, averageMessages: null, bySource: {} },
        { date: "2026-01-15", total: 1, averageMessages: 1, bySource: { api: 1 } },
      ],
      totals: { total: 1 },
      live: 1,
    });
    expect((await service.call("GET", "/api/v1/analytics")).json.data.days).toHaveLength(30);
  });

  it("refuses what are no days, too many, or in the wrong order", async () => {
    for (const query of [
      "from=2026-1-1",
      "from=2026-01-01T00:00:00Z",
      "from=2026-02-30",
      "from=2026-01-02&to=2026-01-01",
      "from=2024-01-01&to=2026-01-01",
    ]) {
      expect((await service.call("GET", `/api/v1/analytics?${query}`)).status, query).toBe(400);
    }
  });
});
