/** Sends one webhook to an address that somebody has configured: it goes where it may, and is not held up there. */
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { request as plainRequest, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.ts";

/** Resolves a name to all of its addresses. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** How webhooks are sent. */
export interface PostOptions {
  /** Private and loopback addresses too. */
  readonly allowPrivate: boolean;
  /** In all, from the look-up on. 15 s by default. */
  readonly timeoutMs?: number;
  /** The system's by default. */
  readonly resolve?: Resolve;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
}

/** Why an attempt failed, without the address. */
export class WebhookError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "WebhookError";
  }
}

const TIMEOUT_MS = 15_000;

const resolveAll: Resolve = (host) =>
  new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });

/** The addresses of a host, all of which may be connected to. A name with a private one among them is refused whole: it could be chosen next time. */
async function allowedAddresses(host: string, { allowPrivate, resolve = resolveAll }: PostOptions): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
  if (addresses.length === 0) throw new WebhookError("its host has no address");
  if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address)))
    throw new WebhookError("its host is a private or loopback address, and WEBHOOK_ALLOW_PRIVATE is not set");
  return addresses;
}

/** Answers what was checked, whatever the name resolves to by now. */
function fixedLookup(addresses: readonly LookupAddress[]): LookupFunction {
  return (_, { all }, callback) => {
    if (all === true) return callback(null, [...addresses]);
    const [first] = addresses;
    callback(null, first!.address, first!.family);
  };
}

function send(url: URL, options: RequestOptions, body: string): Promise<number> {
  const request = url.protocol === "https:" ? secureRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      // What it answers beside the status is not read, so it can neither be endless nor slow.
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    // Of something else than HTTP, such as a switch of protocols, there is no status to wait for.
    sent.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let cut: () => void = () => {};
  const late = new Promise<never>((_, reject) => {
    cut = () => reject(new WebhookError("it did not answer in time"));
    if (signal.aborted) cut();
    else signal.addEventListener("abort", cut, { once: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    signal.removeEventListener("abort", cut);
  }
}

/**
 * Posts JSON. Resolves when it was taken, which 2xx alone says; redirects are not followed. The name is resolved once, and
 * the connection goes to an address that was checked. Throws `WebhookError`.
 */
export async function postWebhook(
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  options: PostOptions,
): Promise<void> {
  const url = new URL(address);
  const deadline = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  let status: number;
  try {
    const addresses = await within(allowedAddresses(host, options), signal);
    const request: RequestOptions = {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": "itera-conversations",
        ...headers,
      },
      lookup: fixedLookup(addresses),
      // A connection of its own: one that is kept open could be to an address that was not checked.
      agent: false,
      signal,
    };
    status = await within(send(url, request, body), signal);
  } catch (error) {
    if (error instanceof WebhookError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new WebhookError(signal.aborted ? "it did not answer in time" : `it cannot be reached (${code ?? "unknown error"})`, {
      cause: error,
    });
  }
  if (status < 200 || status > 299) throw new WebhookError(`it answered ${status}`);
}
