/** Who is answered without a key: only development, only over loopback, only without a proxy in between (section 9 of the specification). */
import type { Context } from "hono";
import { UnauthorizedError } from "../core/errors.ts";
import type { KeylessRule } from "./app-options.ts";
import type { Authenticate, Caller } from "./caller.ts";
import { isLoopbackAddress, isLoopbackHost } from "./loopback.ts";

/** Headers that a proxy adds. One of them means that the caller is not who is at the other end of the connection. */
const FORWARDING = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-forwarded-server",
  "x-forwarded-by",
  "x-forwarded-prefix",
  "x-forwarded-scheme",
  "x-forwarded-ssl",
  "x-forwarded",
  "x-original-forwarded-for",
  "x-original-host",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "true-client-ip",
  "fastly-client-ip",
  "fly-client-ip",
  "x-azure-clientip",
  "x-appengine-user-ip",
];

const ALONE = "Without API keys this server answers only";

/** The host that a request names: in its address, which is made of the Host header or of an absolute target. */
function hostOf(url: string): string {
  return /^https?:\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#]*)/i.exec(url)?.[1] ?? "";
}

function forwarded({ req }: Context, platformHeaders: readonly string[]): boolean {
  const { headers } = req.raw;
  return FORWARDING.some((name) => {
    if (!headers.has(name)) return false;
    return !platformHeaders.includes(name) || !isLoopbackAddress(headers.get(name)!.trim());
  });
}

/** The rule as authentication: one caller for all, or nobody. */
export function keylessAuthentication({ allowed, remoteAddress, platformHeaders = [] }: KeylessRule): Authenticate {
  const caller: Caller = { client: "keyless", may: () => true };
  return (c) => {
    if (!allowed) {
      throw new UnauthorizedError(
        "An API key or a token is needed: Authorization: Bearer <key>. Without keys only a server in development on a loopback address answers.",
      );
    }
    if (!isLoopbackAddress(remoteAddress(c) ?? ""))
      throw new UnauthorizedError(`${ALONE} callers on the same machine. Call it on a loopback address.`);
    const named = c.req.header("host");
    // A name that somebody else's DNS makes lead here must not let a web page in.
    if (!isLoopbackHost(hostOf(c.req.url)) || (named !== undefined && !isLoopbackHost(named.replace(/:\d*$/, "")))) {
      throw new UnauthorizedError(`${ALONE} under a loopback name. Call it as localhost or 127.0.0.1.`);
    }
    // A browser names the page that asks; one from elsewhere may send what needs no preflight.
    const origin = c.req.header("origin");
    if (origin !== undefined && !isLoopbackHost(hostOf(origin))) {
      throw new UnauthorizedError(`${ALONE} pages that come from the same machine. Serve the page on localhost.`);
    }
    if (forwarded(c, platformHeaders)) {
      throw new UnauthorizedError(
        `${ALONE} direct requests; this one has a header that proxies add. Call it on a loopback address, without a proxy.`,
      );
    }
    return caller;
  };
}
