/** SHA-256, keyed or not, as base64url text, over the platform's own cryptography. */

const encoder = new TextEncoder();

function base64url(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Answers digests: HMAC-SHA-256 under the secret, or plain SHA-256 without one. 43 characters. */
export function createDigest(secret?: Uint8Array<ArrayBuffer>): (text: string) => Promise<string> {
  let key: ReturnType<typeof crypto.subtle.importKey> | null = null;
  return async (text) => {
    if (!secret) return base64url(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
    key ??= crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return base64url(await crypto.subtle.sign("HMAC", await key, encoder.encode(text)));
  };
}
