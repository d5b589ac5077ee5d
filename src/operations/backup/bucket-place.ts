/** Backups in an S3-compatible bucket. There is no renaming there: what has no manifest yet is no backup. */
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { StoreUnavailableError } from "../../core/errors.ts";
import { BackupNotFoundError, damaged } from "./backup-error.ts";
import { timeOfBackup } from "./backup-id.ts";
import { MANIFEST, type BackupPlace } from "./backup-place.ts";

/** Where the bucket is, and as who it is asked. */
export interface BucketOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly region: string;
  /** Of another provider than AWS: the bucket is then the first part of the path. */
  readonly endpoint?: string | undefined;
}

const REQUEST_MS = 120_000;
const ATTEMPTS = 4;
/** A draft that is older was broken off; another database with the same prefix may still write a younger one. */
const DRAFT_MS = 86_400_000;

const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'" };

function valueOf(xml: string, tag: string): string | null {
  const text = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  return text === undefined ? null : text.replaceAll(/&(?:amp|lt|gt|quot|apos);/g, (entity) => ENTITIES[entity]!);
}

function addressOf({ bucket, endpoint, region }: BucketOptions): string {
  if (endpoint !== undefined) return `${endpoint.replace(/\/+$/, "")}/${bucket}`;
  // A certificate for all buckets does not cover names with dots.
  return bucket.includes(".") ? `https://s3.${region}.amazonaws.com/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com`;
}

/** A bucket with backups under a prefix. Every request is signed, its content included. */
export function bucketPlace(options: BucketOptions): BackupPlace {
  const { accessKeyId, secretAccessKey, sessionToken, region } = options;
  const address = addressOf(options);
  const name = `s3://${options.bucket}${options.prefix === "" ? "" : `/${options.prefix}`}`;
  const start = options.prefix === "" ? "" : `${options.prefix}/`;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    region,
    service: "s3",
    // Tried again here, where a lost connection counts too.
    retries: 0,
  });

  async function once(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const sha256 = createHash("sha256")
      .update(body ?? "")
      .digest("hex");
    return client.fetch(`${address}${path}`, {
      method,
      headers: { "x-amz-content-sha256": sha256 },
      ...(body && { body }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
  }

  /** Answers 2xx and 404; what will pass is tried again, everything else throws. */
  async function ask(method: string, path: string, body?: Uint8Array): Promise<{ status: number; bytes: Uint8Array }> {
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 200 * 3 ** attempt));
      try {
        const response = await once(method, path, body && new Uint8Array(body));
        const bytes = new Uint8Array(await response.arrayBuffer());
        const text = response.ok ? "" : new TextDecoder().decode(bytes.subarray(0, 10_000));
        const code = valueOf(text, "Code");
        if (response.ok || (response.status === 404 && code !== "NoSuchBucket")) return { status: response.status, bytes };
        cause = new Error(`${method}: ${response.status} ${code ?? ""}`.trim());
        if (response.status < 500 && response.status !== 429 && response.status !== 408) break;
      } catch (error) {
        cause = error;
      }
    }
    const said = cause instanceof Error && /^[A-Z]+: \d{3}/.test(cause.message) ? ` (${cause.message})` : "";
    throw new StoreUnavailableError(
      `The bucket of ${name} did not do what was asked${said}. Check its name, AWS_ENDPOINT_URL, AWS_REGION, and that the key may list, read, write and delete there.`,
      { cause },
    );
  }

  const pathOf = (key: string): string => `/${key.split("/").map(encodeURIComponent).join("/")}`;

  /** Keys under a beginning, with their sizes, in their order. */
  async function* keys(beginning: string): AsyncGenerator<{ key: string; bytes: number }> {
    for (let token: string | null = null; ;) {
      const query = new URLSearchParams({ "list-type": "2", prefix: beginning, ...(token !== null && { "continuation-token": token }) });
      const { bytes } = await ask("GET", `/?${query.toString().replaceAll("+", "%20")}`);
      const xml = new TextDecoder().decode(bytes);
      for (const [content] of xml.matchAll(/<Contents>.*?<\/Contents>/gs)) {
        const key = valueOf(content, "Key");
        if (key !== null) yield { key, bytes: Number(valueOf(content, "Size")) };
      }
      token = valueOf(xml, "IsTruncated") === "true" ? valueOf(xml, "NextContinuationToken") : null;
      if (token === null) return;
    }
  }

  /** Every backup and draft, with the names of its files. */
  async function all(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for await (const { key } of keys(start)) {
      const [id = "", ...rest] = key.slice(start.length).split("/");
      if (timeOfBackup(id) !== null) found.set(id, [...(found.get(id) ?? []), rest.join("/")]);
    }
    return found;
  }

  async function removeAll(id: string): Promise<void> {
    // The manifest first: without it the rest is no backup any more.
    await ask("DELETE", pathOf(`${start}${id}/${MANIFEST}`));
    for await (const { key } of keys(`${start}${id}/`)) await ask("DELETE", pathOf(key));
  }

  return {
    name,
    list: async () => [...(await all())].flatMap(([id, files]) => (files.includes(MANIFEST) ? [id] : [])).toSorted(),

    async begin(id) {
      const put = async (file: string, bytes: Uint8Array): Promise<void> => void (await ask("PUT", pathOf(`${start}${id}/${file}`), bytes));
      let finished = false;
      return {
        put,
        async finish(manifest) {
          await put(MANIFEST, manifest);
          finished = true;
        },
        abandon: async () => (finished ? undefined : removeAll(id)),
      };
    },

    async files(id) {
      const files: { name: string; kind: "file"; bytes: number }[] = [];
      for await (const { key, bytes } of keys(`${start}${id}/`))
        files.push({ name: key.slice(start.length + id.length + 1), kind: "file", bytes });
      if (!files.some((file) => file.name === MANIFEST)) throw new BackupNotFoundError(`There is no backup ${id} in ${name}`);
      return files;
    },

    async read(id, file, limit) {
      const { status, bytes } = await ask("GET", pathOf(`${start}${id}/${file}`));
      if (status === 404) throw damaged(`${file} is missing`);
      if (bytes.length > limit) throw damaged(`${file} has ${bytes.length} bytes, more than ${limit}`);
      return bytes;
    },

    remove: removeAll,

    async tidy(now) {
      for (const [id, files] of await all()) if (!files.includes(MANIFEST) && timeOfBackup(id)! < now - DRAFT_MS) await removeAll(id);
    },
  };
}
