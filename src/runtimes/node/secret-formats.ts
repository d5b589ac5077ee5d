/** How secrets are read: keys of enough random bytes, never a default or a pattern. Nothing of them is ever shown. */
import { parseApiKey } from "../../security/api-key-text.ts";
import { BadValue } from "./setting.ts";

const MAKE_ONE = "make one with: openssl rand -base64 32";

/** Texts that stand in examples and guides, which somebody might have left as they are. */
const EXAMPLES = /change.?me|your.{0,20}(key|secret)|example|default|password|placeholder|0123456789abcdef/i;

/** The bytes of base64 text (either alphabet, with or without padding); null: it is none. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, "base64");
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  // Buffer drops what it cannot read; only an exact way back is base64.
  return bytes.toString("base64").replace(/=+$/, "") === plain ? new Uint8Array(bytes) : null;
}

/** Whether the bytes were plainly not drawn at random: few different values, one stretch over and over, or equal steps. */
function isPattern(bytes: Uint8Array): boolean {
  if (new Set(bytes).size < 8) return true;
  for (let period = 1; period <= bytes.length / 2; period++) {
    if (bytes.every((byte, index) => byte === bytes[index % period])) return true;
  }
  const step = (bytes[1]! - bytes[0]!) & 255;
  return bytes.every((byte, index) => index === 0 || ((byte - bytes[index - 1]!) & 255) === step);
}

/** Checks the bytes of a secret: from `least` to `most` of them. */
function strong(bytes: Uint8Array<ArrayBuffer> | null, least: number, most = 1024): Uint8Array<ArrayBuffer> {
  if (bytes === null) throw new BadValue("it is not base64", MAKE_ONE);
  if (bytes.length < least) throw new BadValue(`it is too short (${bytes.length} bytes)`, `it needs ${least} bytes; ${MAKE_ONE}`);
  if (bytes.length > most) throw new BadValue(`it is too long (${bytes.length} bytes)`, `it may have ${most} bytes; ${MAKE_ONE}`);
  if (isPattern(bytes)) throw new BadValue("it is not random", MAKE_ONE);
  return bytes;
}

/** The service's secret: base64 of 32 bytes or more. */
export function secretBytes(given: string): Uint8Array<ArrayBuffer> {
  if (EXAMPLES.test(given)) throw new BadValue("it is an example, not a secret", MAKE_ONE);
  return strong(fromBase64(given), 32);
}

/** The secret of a webhook as Standard Webhooks writes it: `whsec_` and base64. */
export function webhookSecret(given: string): string {
  if (EXAMPLES.test(given)) throw new BadValue("it is an example, not a secret", MAKE_ONE);
  if (!given.startsWith("whsec_")) throw new BadValue("it does not begin with whsec_", "give whsec_ and base64 of 24 to 64 bytes");
  strong(fromBase64(given.slice("whsec_".length)), 24, 64);
  return given;
}

/** A master key and its name. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** Master keys, `id:base64` of 32 bytes each, comma-separated; the first one writes. */
export function encryptionKeys(given: string): readonly EncryptionKey[] {
  const keys = given.split(",").map((entry) => {
    const [, id, text] = /^\s*([A-Za-z0-9_-]{1,32}):(\S+)\s*$/.exec(entry) ?? [];
    if (id === undefined || text === undefined)
      throw new BadValue("a key has no name", "give each key as id:base64, such as k1:…, several comma-separated");
    if (EXAMPLES.test(text)) throw new BadValue("it is an example, not a key", MAKE_ONE);
    return { id, key: strong(fromBase64(text), 32, 32) };
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length)
    throw new BadValue("two keys have the same name", "give each key a name of its own");
  if (new Set(keys.map(({ key }) => Buffer.from(key).toString("hex"))).size < keys.length) {
    throw new BadValue("the same key is there twice", "give each name a key of its own");
  }
  return keys;
}

/** API keys as the CLI prints them, `itc_<scope>_<12 characters>_<49 characters>`, comma-separated. */
export function apiKeys(given: string): readonly string[] {
  const keys = given.split(",").map((entry) => entry.trim());
  if (!keys.every((key) => parseApiKey(key) !== null)) {
    throw new BadValue(
      "an entry is no API key: its form or its checksum is wrong",
      "make one with: itera keys create --scope admin --for-config",
    );
  }
  if (new Set(keys).size < keys.length) throw new BadValue("the same key is there twice", "give each key once");
  return keys;
}
