// A bucket on this machine. s3rver takes any signature of version 4, so each request passes a check of our own first: made from what AWS
// documents, apart from the client that is tested.

import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import S3rver from "s3rver";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";

/** Whom s3rver knows. */
export const ACCESS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER", region: "eu-south-1" } as const;

/** A bucket, called `chats`. */
export interface BucketServer {
  readonly endpoint: string;
  /** Requests that were let through. */
  readonly seen: { method: string; path: string }[];
  /** The next requests that are meant are answered by 503. */
  fail(times: number, method: string): void;
}

const hex = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const strict = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Whether a request is signed by the key, its content included. */
function isSigned({ headers, method, url }: IncomingMessage, body: Buffer): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, id, day, region, names = "", given] = form.exec(headers.authorization ?? "") ?? [];
  if (id !== ACCESS.accessKeyId || region !== ACCESS.region || headers["x-amz-content-sha256"] !== hex(body)) return false;
  const { pathname, searchParams } = new URL(url!, "http://host");
  const query = [...searchParams].map(([name, value]) => `${strict(name)}=${strict(value)}`).toSorted();
  const signed = names.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  if (!["host", "x-amz-content-sha256", "x-amz-date"].every((name) => names.split(";").includes(name))) return false;
  const path = pathname.split("/").map((part) => strict(decodeURIComponent(part)));
  const canonical = [method, path.join("/"), query.join("&"), signed.join(""), names, hex(body)].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${String(headers["x-amz-date"])}\n${scope}\n${hex(canonical)}`;
  const key = hmac(hmac(hmac(hmac(`AWS4${ACCESS.secretAccessKey}`, day!), region), "s3"), "aws4_request");
  return hmac(key, text).toString("hex") === given;
}

/** Starts one, gone when the test ends. */
export async function startBucket(): Promise<BucketServer> {
  const options = { address: "127.0.0.1", port: 0, silent: true, directory: temporaryFolder() };
  const behind = new S3rver({ ...options, configureBuckets: [{ name: "chats", configs: [] }] });
  const { port } = await behind.run();
  const seen: { method: string; path: string }[] = [];
  const failing = { times: 0, method: "" };
  const server = createServer((request, response) => {
    void (async () => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      if (!isSigned(request, body)) {
        response.writeHead(403, { "content-type": "application/xml" });
        response.end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
        return;
      }
      if (failing.times > 0 && request.method === failing.method) {
        failing.times--;
        response.writeHead(503);
        response.end();
        return;
      }
      seen.push({ method: request.method!, path: request.url! });
      const { authorization = "", "content-type": type } = request.headers;
      const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
        method: request.method!,
        headers: {
          authorization,
          ...Object.fromEntries(["x-amz-date", "x-amz-content-sha256"].map((name) => [name, String(request.headers[name])])),
          ...(type && { "content-type": type }),
        },
        ...(body.length > 0 && { body: new Uint8Array(body) }),
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await behind.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    fail: (times, method) => Object.assign(failing, { times, method }),
  };
}
