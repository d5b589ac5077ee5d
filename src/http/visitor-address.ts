/** How much of a visitor's address is kept. */
import type { ClientIpMode } from "./app-options.ts";

/** The eight groups of an IPv6 address, without leading zeros. */
export function groupsOf(address: string): string[] {
  const [left = "", right] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const missing = right === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(missing).fill("0"), ...after].map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
}

/** The network of an address: IPv4 /24, IPv6 /48. Null: it is no address. */
function networkOf(address: string): string | null {
  const plain = address.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "");
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(plain)) return plain.replace(/\d+$/, "0");
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(plain)) return null;
  return `${groupsOf(plain).slice(0, 3).join(":")}::`;
}

/** The address as it is kept; undefined: nothing of it. */
export function keptAddress(address: string | null, mode: ClientIpMode): string | undefined {
  if (address === null || mode === "none") return undefined;
  return mode === "full" ? address : (networkOf(address) ?? undefined);
}
