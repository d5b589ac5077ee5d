import { env } from "cloudflare:workers";
import { expect, it } from "vitest";

it("the test Worker has its bindings", async () => {
  const bindings = env as unknown as Record<string, { put(k: string, v: string): Promise<void>; get(k: string): Promise<string | null> }>;
  await bindings.CHAT_SESSIONS!.put("a", "b");
  expect(await bindings.CHAT_SESSIONS!.get("a")).toBe("b");
});
