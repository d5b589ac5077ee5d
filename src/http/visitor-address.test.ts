// How much of a visitor's address is kept.

import { expect, it } from "vitest";
import { keptAddress } from "./visitor-address.ts";

it("an address is kept as it is, or not at all", () => {
  expect(keptAddress("203.0.113.77", "full")).toBe("203.0.113.77");
  expect(keptAddress("2001:db8::1", "full")).toBe("2001:db8::1");
  expect(keptAddress("203.0.113.77", "none")).toBeUndefined();
  expect(keptAddress(null, "full")).toBeUndefined();
});

it("truncated, IPv4 keeps its /24 and IPv6 its /48, in whatever spelling", () => {
  for (const [address, network] of [
    ["203.0.113.77", "203.0.113.0"],
    ["::ffff:203.0.113.77", "203.0.113.0"],
    ["2001:db8:12:34:56:78:9a:bc", "2001:db8:12::"],
    ["2001:0DB8:0012::1", "2001:db8:12::"],
    ["2001:db8::1", "2001:db8:0::"],
    ["fe80::1%eth0", "fe80:0:0::"],
    ["::1", "0:0:0::"],
  ] as const) {
    expect(keptAddress(address, "truncated"), address).toBe(network);
  }
});

it("truncated, what is no address is not kept", () => {
  for (const text of ["", "unknown", "host.example", "203.0.113", "203.0.113.77, 10.0.0.1"])
    expect(keptAddress(text, "truncated"), text).toBeUndefined();
});
