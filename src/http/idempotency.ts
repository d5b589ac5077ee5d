/** `Idempotency-Key`: what a repeat is known by, and what tells it from another request under the same key. */
import { InvalidInputError } from "../core/errors.ts";
import { base64url, createMac } from "../security/mac.ts";

/** What the manager takes. */
export interface RequestKey {
  key: string;
  fingerprint: string;
}

/** What a request key is made of. `target` is path and query as sent. */
export interface KeyedRequest {
  readonly client: string;
  readonly method: string;
  readonly target: string;
  readonly key: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/** Refuses a key that is not 1–255 visible ASCII characters; two headers arrive as one with a blank in it. */
export function checkKey(key: string): void {
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new InvalidInputError("Idempotency-Key must be one header of 1 to 255 visible ASCII characters");
}

/** Makes the function that makes request keys. */
export function createRequestKeys(secret: Uint8Array<ArrayBuffer>): (request: KeyedRequest) => Promise<RequestKey> {
  const keyMac = createMac(secret, "idempotency key");
  const fingerprintMac = createMac(secret, "idempotency fingerprint");

  return async ({ client, method, target, key, body }) => {
    const path = target.split("?", 1)[0]!;
    // No part of the head can hold a line break, so that it can be read in one way only.
    const head = encoder.encode(`${method}\n${target}\n`);
    const request = new Uint8Array(head.length + body.length);
    request.set(head);
    request.set(body, head.length);
    const [name, fingerprint] = await Promise.all([
      keyMac(encoder.encode([client, method, path, key].join("\n"))),
      fingerprintMac(request),
    ]);
    return { key: base64url(name), fingerprint: base64url(fingerprint) };
  };
}
