// Settings that are changed without a deploy: what is right counts within a minute, what is wrong is ignored and told.

import { describe, expect, it, vi } from "vitest";
import { createSharedConfig, overlay, SHARED_CONFIG_KEY } from "../../src/runtimes/worker/shared-config.ts";

const VARIABLES = new Map([
  ["ENVIRONMENT", "development"],
  ["LOG_LEVEL", "info"],
  ["CONVERSATION_EXTENSION_MAX_HOURS", "100"],
]);

describe("shared settings", () => {
  it("stand over variables, under whichever of their names", () => {
    const { set, alerts } = overlay(
      VARIABLES,
      '{"LOG_LEVEL": "debug", "CONVERSATION_MAX_EXTENSION_HOURS": 200, "ANALYTICS_RETENTION_DAYS": "30"}',
    );
    expect(alerts).toEqual([]);
    expect(Object.fromEntries(set)).toEqual({
      ENVIRONMENT: "development",
      LOG_LEVEL: "debug",
      CONVERSATION_MAX_EXTENSION_HOURS: "200",
      ANALYTICS_RETENTION_DAYS: "30",
    });
  });

  it("count together when they only fit together, in whatever order they are written", () => {
    for (const shared of [
      '{"CONVERSATION_TTL_HOURS": 300, "CONVERSATION_MAX_EXTENSION_HOURS": 400}',
      '{"CONVERSATION_MAX_EXTENSION_HOURS": 400, "CONVERSATION_TTL_HOURS": 300}',
    ]) {
      const { set, alerts } = overlay(VARIABLES, shared);
      expect(alerts).toEqual([]);
      expect(set.get("CONVERSATION_TTL_HOURS")).toBe("300");
    }
  });

  it.each([
    ["a value that is wrong", '{"LOG_LEVEL": "loud", "CLIENT_IP": "none"}', /LOG_LEVEL: "loud" is not known; LOG_LEVEL is ignored/],
    ["a value that does not fit the others", '{"CONVERSATION_TTL_HOURS": 101, "CLIENT_IP": "none"}', /CONVERSATION_TTL_HOURS is ignored/],
    ["a value of another kind", '{"LOG_LEVEL": ["debug"], "CLIENT_IP": "none"}', /LOG_LEVEL: its value is no text/],
    ["a name that is not known", '{"LOG_LEVL": "debug", "CLIENT_IP": "none"}', /LOG_LEVL cannot be changed here/],
    ["a secret", '{"SECRET": "x", "CLIENT_IP": "none"}', /SECRET cannot be changed here/],
    ["the environment", '{"ENVIRONMENT": "production", "CLIENT_IP": "none"}', /ENVIRONMENT cannot be changed here/],
  ])("%s is ignored and told; the others count", (_, shared, told) => {
    const { set, alerts } = overlay(VARIABLES, shared);
    expect(alerts).toEqual([expect.stringMatching(told)]);
    expect(Object.fromEntries(set)).toEqual({ ...Object.fromEntries(VARIABLES), CLIENT_IP: "none" });
  });

  it.each(["{", "[]", "7", '"LOG_LEVEL"', "null"])("%s is ignored as a whole", (shared) => {
    expect(overlay(VARIABLES, shared)).toEqual({ set: VARIABLES, alerts: [expect.stringMatching(/no JSON object/)] });
  });
});

describe("the isolate", () => {
  function world(text: string | null) {
    const state = { now: 1_000_000, text, asked: 0, fails: false };
    const alerts: string[] = [];
    const kv = {
      async get(key: string) {
        state.asked++;
        expect(key).toBe(SHARED_CONFIG_KEY);
        if (state.fails) throw new Error("KV is down");
        return state.text;
      },
      put: async () => {},
      delete: async () => {},
    };
    const shared = createSharedConfig(
      VARIABLES,
      kv,
      (sentence) => void alerts.push(sentence),
      () => state.now,
    );
    return { state, alerts, level: async () => (await shared.variables()).get("LOG_LEVEL") };
  }

  it("asks KV once a minute", async () => {
    const { state, level } = world('{"LOG_LEVEL": "debug"}');
    expect(await level()).toBe("debug");
    state.text = '{"LOG_LEVEL": "warn"}';
    state.now += 59_999;
    expect(await level()).toBe("debug");
    expect(state.asked).toBe(1);
    state.now += 1;
    expect(await level()).toBe("warn");
  });

  it("goes on with the same settings while the text is the same, so that nothing is opened again", async () => {
    const { state } = world(null);
    const kv = { get: async () => '{"LOG_LEVEL": "warn"}', put: async () => {}, delete: async () => {} };
    const shared = createSharedConfig(
      VARIABLES,
      kv,
      () => {},
      () => state.now,
    );
    const first = await shared.variables();
    state.now += 60_000;
    expect(await shared.variables()).toBe(first);
  });

  it("forgets what is not shared any more", async () => {
    const { state, level } = world('{"LOG_LEVEL": "debug"}');
    await level();
    state.text = null;
    state.now += 60_000;
    expect(await level()).toBe("info");
  });

  it("goes on with what it knows while KV does not answer, and says so", async () => {
    const { state, alerts, level } = world('{"LOG_LEVEL": "debug"}');
    await level();
    state.fails = true;
    state.now += 60_000;
    expect(await level()).toBe("debug");
    expect(alerts).toEqual([expect.stringMatching(/does not answer/)]);
  });

  it("waits no longer for KV than a visitor would", async () => {
    vi.useFakeTimers();
    try {
      const alerts: string[] = [];
      const kv = { get: () => new Promise<null>(() => {}), put: async () => {}, delete: async () => {} };
      const asked = createSharedConfig(VARIABLES, kv, (sentence) => void alerts.push(sentence)).variables();
      await vi.advanceTimersByTimeAsync(1000);
      expect(await asked).toBe(VARIABLES);
      expect(alerts).toEqual([expect.stringMatching(/does not answer/)]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("tells what is ignored once for each text", async () => {
    const { state, alerts, level } = world('{"LOG_LEVEL": "loud"}');
    await level();
    state.now += 60_000;
    expect(await level()).toBe("info");
    expect(alerts).toHaveLength(1);
  });
});
