/** Message authentication codes under keys that are derived from the service's secret, one for each purpose. */

const encoder = new TextEncoder();

const PIECE = 3 * 2048;

const HMAC = { name: "HMAC", hash: "SHA-256" } as const;

/** HMAC-SHA-256 of some bytes. */
export type Mac = (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

function imported(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, HMAC, false, ["sign"]);
}

/** 32 bytes that belong to one purpose alone: of one key nothing follows for another, nor for the secret. */
export async function deriveKey(secret: Uint8Array<ArrayBuffer>, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", await imported(secret), encoder.encode(`itera-conversations ${purpose}`)));
}

/** A code under a key of its own, which is derived when it is first needed. */
export function createMac(secret: Uint8Array<ArrayBuffer>, purpose: string): Mac {
  let key: Promise<CryptoKey> | undefined;
  return async (data) => new Uint8Array(await crypto.subtle.sign("HMAC", await (key ??= deriveKey(secret, purpose).then(imported)), data));
}

/** Bytes as URL-safe base64 without padding. */
export function base64url(bytes: Uint8Array): string {
  let text = "";
  // In multiples of three, so that the pieces join; a call does not take any number of arguments.
  for (let at = 0; at < bytes.length; at += PIECE) text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The reverse; null if it is not exactly what `base64url` writes. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  // The last character may carry bits that mean nothing: another spelling of the same bytes is not ours.
  return base64url(bytes) === text ? bytes : null;
}

/** Whether two byte strings are equal, in a time that does not tell where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
