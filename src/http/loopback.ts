/** Which addresses and names lead to this machine alone. */

/** Whether an address is 127.0.0.0/8 or ::1, in any of their spellings. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return /^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(plain) || plain === "::1" || plain === "0:0:0:0:0:0:0:1";
}

/** Whether the host of a URL (`localhost`, `127.0.0.1`, `[::1]`) names this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name.replace(/^\[(.*)\]$/, "$1"));
}
