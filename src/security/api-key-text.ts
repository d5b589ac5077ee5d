/** API keys as text: `itc_<scope>_<12 public characters>_<43 characters of secret><6 of checksum>`. */

/** What a key may do. `operator` includes `service`, `admin` includes all; a `site` key may only create. */
export type KeyScope = "site" | "service" | "operator" | "admin";

/** Every scope of keys, from the least. */
export const KEY_SCOPES: readonly KeyScope[] = ["site", "service", "operator", "admin"];

/** A key whose form and checksum are right. Whether it is known says only the store. */
export interface KeyText {
  readonly scope: KeyScope;
  /** The part by which it is found, and by which people speak of it. */
  readonly publicPart: string;
  /** All of it. */
  readonly text: string;
}

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORM = /^itc_(site|service|operator|admin)_([0-9A-Za-z]{12})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/;
const CHECKSUM = 6;

/** The table of CRC-32 (ISO 3309, as zlib has it). */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 of ASCII text in six characters. It finds slips of the hand; it proves nothing. */
function checksum(text: string): string {
  let value = 0xffffffff;
  for (let i = 0; i < text.length; i++) value = CRC[(value ^ text.charCodeAt(i)) & 255]! ^ (value >>> 8);
  let rest = (value ^ 0xffffffff) >>> 0;
  let written = "";
  for (let i = 0; i < CHECKSUM; i++) {
    written = BASE62[rest % 62]! + written;
    rest = Math.floor(rest / 62);
  }
  return written;
}

/** So many characters, each equally likely. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(64))) {
      // 248 is 4 × 62: the bytes above it would favour eight characters.
      if (byte < 248 && text.length < length) text += BASE62[byte % 62]!;
    }
  }
  return text;
}

/** Makes a key from the platform's cryptographic generator. */
export function makeApiKey(scope: KeyScope): KeyText {
  const publicPart = randomText(12);
  const unchecked = `itc_${scope}_${publicPart}_${randomText(43)}`;
  return { scope, publicPart, text: unchecked + checksum(unchecked) };
}

/** Reads a key; null: its form or its checksum is wrong, so that nothing needs to be asked. */
export function parseApiKey(text: string): KeyText | null {
  const [, scope, publicPart, check] = FORM.exec(text) ?? [];
  if (scope === undefined || publicPart === undefined || check !== checksum(text.slice(0, -CHECKSUM))) return null;
  return { scope: scope as KeyScope, publicPart, text };
}
