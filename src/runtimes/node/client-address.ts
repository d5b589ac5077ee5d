/** Whose request it is: the address of the visitor, through trusted proxies. */
import { BlockList, isIP } from "node:net";
import type { AddressRange } from "./setting-formats.ts";

/** Finds the visitor's address from the socket's and from `X-Forwarded-For` (null: not sent). */
export type ClientAddress = (socketAddress: string | undefined, forwardedFor: string | null) => string | undefined;

/** An address without port, brackets and zone, IPv4 in IPv6 as IPv4; undefined: it is none. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}

/**
 * Makes the function. The header is read from the right, one entry for each trusted proxy; the first address that is
 * not a trusted proxy's is the visitor's. An entry that is no address ends the reading: what stands left of it was not
 * written by anyone who is trusted. Without trusted proxies the header counts for nothing.
 */
export function createClientAddress(trustedProxies: readonly AddressRange[]): ClientAddress {
  const trusted = new BlockList();
  for (const { address, bits, family } of trustedProxies) trusted.addSubnet(address, bits, family);
  const isTrusted = (address: string): boolean => trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

  return (socketAddress, forwardedFor) => {
    let address = plainAddress(socketAddress ?? "");
    if (address === undefined || forwardedFor === null || trustedProxies.length === 0) return address;
    const entries = forwardedFor.split(",");
    while (entries.length > 0 && isTrusted(address)) {
      const next = plainAddress(entries.pop()!.trim());
      if (next === undefined) break;
      address = next;
    }
    return address;
  };
}

/** Whether an address, or a host's name, leads to this machine alone. */
export function isLoopback(host: string): boolean {
  const address = plainAddress(host);
  return (
    host.toLowerCase() === "localhost" || address === "::1" || (address !== undefined && isIP(address) === 4 && address.startsWith("127."))
  );
}
