/** Text under the key of a conversation, as a small JSON object: `{"sealed": "1.…"}`. AES-256-GCM with a random nonce for each. */
import { StoredDataError } from "../../core/errors.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import { base64url, fromBase64url } from "../mac.ts";
import { boundTo } from "./bound-to.ts";

/** What is sealed: which field of a conversation, and which of its values: the message's key, the metadata's revision. */
export interface SealedField {
  readonly conversation: string;
  readonly field: "message" | "metadata" | "session";
  readonly of: string;
}

const FORMAT = "1";
/** The version of the conversation's key: it has one for life. */
const KEY_VERSION = "1";
const NONCE = 12;
const AES = "AES-GCM";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

const additional = ({ conversation, field, of }: SealedField) => boundTo(FORMAT, conversation, field, of, KEY_VERSION);

/** How many bytes a sealed text of so many bytes takes, at most. */
export function sealedSize(bytes: number): number {
  return Math.ceil(((bytes + NONCE + 16) * 4) / 3) + 20;
}

/** The largest text in bytes whose sealed form fits in so many bytes. */
export function plainSize(bytes: number): number {
  return Math.max(0, Math.floor(((bytes - 20) * 3) / 4) - NONCE - 16);
}

/** Seals a text. */
export async function sealText(key: CryptoKey, field: SealedField, text: string): Promise<{ sealed: string }> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE));
  const sealed = await crypto.subtle.encrypt({ name: AES, iv, additionalData: additional(field) }, key, encoder.encode(text));
  const bytes = new Uint8Array(NONCE + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), NONCE);
  return { sealed: `${FORMAT}.${base64url(bytes)}` };
}

/** Opens what `sealText` made for this field. Throws `StoredDataError` for anything else, whatever was changed. */
export async function openText(key: CryptoKey, field: SealedField, value: Json): Promise<string> {
  const text = isJsonObject(value) ? value["sealed"] : undefined;
  const bytes = typeof text === "string" && text.startsWith(`${FORMAT}.`) ? fromBase64url(text.slice(FORMAT.length + 1)) : null;
  if (bytes === null || bytes.length < NONCE + 16) throw unreadable(field);
  try {
    const iv = bytes.subarray(0, NONCE);
    const plain = await crypto.subtle.decrypt({ name: AES, iv, additionalData: additional(field) }, key, bytes.subarray(NONCE));
    return decoder.decode(plain);
  } catch (cause) {
    throw unreadable(field, cause);
  }
}

function unreadable({ field }: SealedField, cause?: unknown): StoredDataError {
  return new StoredDataError(`The stored ${field} cannot be decrypted: it was changed, or belongs somewhere else`, { cause });
}
