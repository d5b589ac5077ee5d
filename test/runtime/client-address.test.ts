import { describe, expect, it } from "vitest";
import { createClientAddress, isLoopback } from "../../src/runtimes/node/client-address.ts";
import { addressRange } from "../../src/runtimes/node/setting-formats.ts";

const address = (trusted: string, socket: string | undefined, forwarded: string | null): string | undefined =>
  createClientAddress(trusted === "" ? [] : trusted.split(",").map(addressRange))(socket, forwarded);

describe("a visitor's address", () => {
  it.each([
    ["is the socket's", "", "203.0.113.9", null, "203.0.113.9"],
    ["is the socket's, whatever a header says, without trusted proxies", "", "203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["is the socket's, whatever a header says, if that is no trusted proxy", "10.0.0.0/8", "203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["comes from a trusted proxy", "10.0.0.0/8", "10.1.2.3", "1.2.3.4", "1.2.3.4"],
    ["is read from the right, so that what a visitor wrote does not count", "10.0.0.0/8", "10.1.2.3", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["comes through several trusted proxies", "10.0.0.0/8,192.0.2.1", "10.1.2.3", "6.6.6.6, 1.2.3.4, 192.0.2.1, 10.9.9.9", "1.2.3.4"],
    ["is the last one if all are trusted", "10.0.0.0/8", "10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    ["is the nearest trusted one if the header is nonsense", "10.0.0.0/8", "10.1.2.3", "unknown", "10.1.2.3"],
    ["is the nearest trusted one if an entry is nonsense", "10.0.0.0/8", "10.1.2.3", "1.2.3.4, <script>, 10.0.0.2", "10.0.0.2"],
    ["is the proxy's if the header is empty", "10.0.0.0/8", "10.1.2.3", "", "10.1.2.3"],
    ["is plain IPv4 where it comes mapped into IPv6", "10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:1.2.3.4", "1.2.3.4"],
    ["may be IPv6", "::1,fd00::/8", "::1", "2001:DB8::1, fd12::7", "2001:db8::1"],
    ["loses port and brackets", "10.0.0.0/8", "10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1"],
    ["loses its port", "10.0.0.0/8", "10.1.2.3", "1.2.3.4:4711", "1.2.3.4"],
    ["loses its zone", "", "fe80::1%eth0", null, "fe80::1"],
    ["is unknown where the socket has none", "10.0.0.0/8", undefined, "1.2.3.4", undefined],
  ])("%s", (_, trusted, socket, forwarded, expected) => {
    expect(address(trusted, socket, forwarded)).toBe(expected);
  });

  it.each(["127.0.0.1", "127.255.0.3", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"])("%s leads to this machine alone", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(["0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "::ffff:10.0.0.1", ""])(
    "%j does not",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
