/** Which addresses are on the public internet, and not of this machine, its network, or a cloud's own services. */
import { BlockList, isIP } from "node:net";

/** Not public: RFC 6890 and what came after it. Among them 169.254.169.254, where clouds keep their metadata, and all ways to write IPv4 in IPv6. */
const PRIVATE_4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;

/** Unicast that is handed out today. Everything else is loopback, mapped, link-local, unique local, multicast or reserved. */
const PUBLIC_6 = ["2000::", 3] as const;

/** What of it is not: IPv4 within (Teredo, 6to4), documentation, benchmarks and other protocols' own. */
const PRIVATE_6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const refused4 = new BlockList();
for (const [net, bits] of PRIVATE_4) refused4.addSubnet(net, bits, "ipv4");
const public6 = new BlockList();
public6.addSubnet(...PUBLIC_6, "ipv6");
const refused6 = new BlockList();
for (const [net, bits] of PRIVATE_6) refused6.addSubnet(net, bits, "ipv6");

/** Whether an address, in the form in which it is connected to, is public. What is no address is not. */
export function isPublicAddress(address: string): boolean {
  const [plain, zone] = address.split("%");
  const family = isIP(plain!);
  if (family === 4) return !refused4.check(plain!, "ipv4");
  return family === 6 && zone === undefined && public6.check(plain!, "ipv6") && !refused6.check(plain!, "ipv6");
}
