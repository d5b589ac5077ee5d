/** Cursors of lists: opaque to callers, bound to the list and its filters, and refused when a single bit is not ours. */
import { InvalidInputError } from "../core/errors.ts";
import { base64url, createMac, equalBytes, fromBase64url } from "../security/mac.ts";

const MAC_BYTES = 16;

const encoder = new TextEncoder();
// A mark at the beginning is part of the text: without it two spellings would be one cursor.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Seals the store's cursors, and opens them again. `scope` says which list it is, with all its filters. */
export interface Cursors {
  seal(cursor: string | null, scope: string): Promise<string | null>;
  /** Throws `InvalidInputError` for whatever `seal` did not make for this scope. */
  open(sealed: string, scope: string): Promise<string>;
}

/** Cursors under a secret. */
export function createCursors(secret: Uint8Array<ArrayBuffer>): Cursors {
  const mac = createMac(secret, "cursor");
  const codeOf = async (cursor: string, scope: string) =>
    (await mac(encoder.encode(JSON.stringify([scope, cursor])))).subarray(0, MAC_BYTES);

  return {
    async seal(cursor, scope) {
      if (cursor === null) return null;
      const text = encoder.encode(cursor);
      const sealed = new Uint8Array(MAC_BYTES + text.length);
      sealed.set(await codeOf(cursor, scope));
      sealed.set(text, MAC_BYTES);
      return base64url(sealed);
    },
    async open(sealed, scope) {
      const bytes = fromBase64url(sealed);
      if (bytes !== null && bytes.length > MAC_BYTES) {
        const cursor = decoder.decode(bytes.subarray(MAC_BYTES));
        if (equalBytes(await codeOf(cursor, scope), bytes.subarray(0, MAC_BYTES))) return cursor;
      }
      throw new InvalidInputError("cursor must be the nextCursor of a page of this list, with the same filters; start again without it");
    },
  };
}
