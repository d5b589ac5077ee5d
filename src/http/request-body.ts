/** Reading a body: never more than its limit, never longer than its time, and only JSON in UTF-8. */
import { InvalidInputError, TooLargeError } from "../core/errors.ts";
import { RequestTimeoutError, UnsupportedMediaTypeError } from "./door-errors.ts";

/** A body may arrive as slowly as this, in bytes for each millisecond. */
const PACE = (64 * 1024) / 1000;

const EMPTY = new Uint8Array();

/** How a body is read. */
export interface BodyRules {
  /** At most so many bytes. */
  readonly bytes: number;
  /** It has so long, and a second more for every 64 KiB. */
  readonly timeoutMs: number;
}

function tooLarge(size: string, limit: number): TooLargeError {
  return new TooLargeError(`The body is too large: ${size} bytes; at most ${limit} bytes are taken`, { details: { limit } });
}

/** Refuses a body that is not said to be JSON in UTF-8, sent as it is. */
function checkContentType(headers: Headers): void {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  if (type !== "application/json" && !/^[\w.+-]+\/[\w.+-]+\+json$/.test(type)) {
    throw new UnsupportedMediaTypeError("A body must be JSON: send it with Content-Type: application/json");
  }
  for (const parameter of parameters) {
    if (parameter.startsWith("charset=") && !/^charset="?utf-?8"?$/.test(parameter)) {
      throw new UnsupportedMediaTypeError("A body must be in UTF-8");
    }
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new UnsupportedMediaTypeError("A body must be sent as it is, without Content-Encoding");
  }
}

/** Rejects with `RequestTimeoutError` if the promise takes longer, and with `InvalidInputError` if the body breaks off. */
async function inTime<T>(reading: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RequestTimeoutError()), ms);
  });
  const broken = reading.catch((cause: unknown) => {
    throw new InvalidInputError("The body ended before it was complete", { cause });
  });
  try {
    return await Promise.race([broken, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads piece by piece, for a body that does not say how long it is. */
async function readPieces(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  { bytes, timeoutMs }: BodyRules,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  const started = performance.now();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const left = timeoutMs + size / PACE - (performance.now() - started);
      const { done, value } = await inTime(reader.read(), Math.max(0, left));
      if (done) break;
      size += value.length;
      if (size > bytes) throw tooLarge(`more than ${bytes}`, bytes);
      pieces.push(value);
    }
  } catch (error) {
    // Whatever is still on its way is not wanted.
    reader.cancel().catch(() => {});
    throw error;
  }
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The bytes of a request's body; empty if there is none. Throws `TooLargeError`, `RequestTimeoutError`, `UnsupportedMediaTypeError`. */
export async function readBody(request: Request, rules: BodyRules): Promise<Uint8Array<ArrayBuffer>> {
  const { headers } = request;
  const length = headers.get("content-length");
  let whole: Uint8Array<ArrayBuffer>;
  if (length !== null) {
    const size = /^\d{1,15}$/.test(length) ? Number(length) : Infinity;
    if (size === 0) return EMPTY;
    if (size > rules.bytes) throw tooLarge(String(size), rules.bytes);
    checkContentType(headers);
    whole = new Uint8Array(await inTime(request.arrayBuffer(), rules.timeoutMs + size / PACE));
    if (whole.length > rules.bytes) throw tooLarge(String(whole.length), rules.bytes);
  } else {
    if (request.body === null) return EMPTY;
    whole = await readPieces(request.body, rules);
    if (whole.length > 0) checkContentType(headers);
  }
  return whole;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a body. Throws `InvalidInputError` if it is not UTF-8. */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new InvalidInputError("The body is not valid UTF-8");
  }
}
