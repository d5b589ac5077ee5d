/** What a ciphertext is bound to, as additional data: parts with their lengths in front, so that no two lists of parts read the same. */

const encoder = new TextEncoder();

/** The parts as bytes: of each its length in four bytes, then its UTF-8. */
export function boundTo(...parts: readonly string[]): Uint8Array<ArrayBuffer> {
  const texts = parts.map((part) => encoder.encode(part));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + 4 + text.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
