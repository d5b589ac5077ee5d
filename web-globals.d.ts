// A type that is global in browsers and Workers, and that Node's own types know only by its value.

import type { webcrypto } from "node:crypto";

declare global {
  type CryptoKey = webcrypto.CryptoKey;
}
