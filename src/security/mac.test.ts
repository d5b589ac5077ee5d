// Codes and their spelling.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64url, createMac, equalBytes, fromBase64url } from "./mac.ts";

describe("base64url", () => {
  it("comes back equal, and has one spelling only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = base64url(bytes);
        expect(text).toMatch(/^[\w-]*$/);
        expect(fromBase64url(text)).toEqual(new Uint8Array(bytes));
      }),
    );
    for (const text of ["A", "AB", "AA=", "AA==", "A A", "+/", "AAAAé"]) expect(fromBase64url(text), text).toBeNull();
  });
});

describe("createMac", () => {
  const data = new Uint8Array([1, 2, 3]);

  it("depends on secret, purpose and data, and on nothing else", async () => {
    const secret = new Uint8Array(32).fill(1);
    const code = await createMac(secret, "a")(data);
    expect(code).toHaveLength(32);
    expect(equalBytes(code, await createMac(secret.slice(), "a")(data.slice()))).toBe(true);
    for (const other of [
      createMac(secret, "b")(data),
      createMac(new Uint8Array(32).fill(2), "a")(data),
      createMac(secret, "a")(new Uint8Array([1, 2])),
    ]) {
      expect(equalBytes(code, await other)).toBe(false);
    }
  });
});
