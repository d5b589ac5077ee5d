/** The bucket of a visitor's address: IPv4 as it is, also when mapped into IPv6; IPv6 by its /64, which is one household. */
import { groupsOf } from "./visitor-address.ts";

/** The name of the bucket; addresses that are not known share one. */
export function addressBucket(address: string | null): string {
  if (address === null) return "unknown";
  const plain = address.replace(/%.*$/, "").toLowerCase();
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(plain);
  if (mapped) return mapped[1]!;
  if (!plain.includes(":")) return plain;
  const groups = groupsOf(plain);
  // The same mapping, written in hexadecimal.
  if (groups.length === 8 && groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff") {
    const [high, low] = [parseInt(groups[6]!, 16), parseInt(groups[7]!, 16)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
