/** Writes the lines of a table into compressed files of bounded size, counting and hashing them. */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createGzip, type Gzip } from "node:zlib";
import type { BackupDraft } from "./backup-place.ts";
import type { ManifestFile, ManifestTable } from "./backup-manifest.ts";
import type { TableName } from "./backup-rows.ts";

/** A file is ended when it has reached this size; the line that is being written then comes on top. */
export const FILE_BYTES = 8 * 1024 * 1024;
/** So many characters are handed to the compressor at once. */
const PIECE = 256 * 1024;

/** A writer of one table. */
export interface TableWriter {
  add(row: unknown): Promise<void>;
  /** Writes what is left. */
  end(): Promise<{ table: ManifestTable; files: ManifestFile[] }>;
}

interface OpenFile {
  readonly gzip: Gzip;
  readonly chunks: Buffer[];
  readonly ended: Promise<unknown>;
  bytes: number;
}

function openFile(): OpenFile {
  const gzip = createGzip();
  const file: OpenFile = { gzip, chunks: [], ended: once(gzip, "end"), bytes: 0 };
  gzip.on("data", (chunk: Buffer) => {
    file.chunks.push(chunk);
    file.bytes += chunk.length;
  });
  return file;
}

/** Starts a table. A table without rows has no file. */
export function writeTable(draft: BackupDraft, name: TableName, fileBytes = FILE_BYTES): TableWriter {
  const hash: Hash = createHash("sha256");
  const files: ManifestFile[] = [];
  let rows = 0;
  let piece = "";
  let open: OpenFile | null = null;

  async function flush(): Promise<void> {
    if (piece === "") return;
    open ??= openFile();
    const bytes = Buffer.from(piece);
    piece = "";
    hash.update(bytes);
    if (!open.gzip.write(bytes)) await once(open.gzip, "drain");
    if (open.bytes >= fileBytes) await close();
  }

  async function close(): Promise<void> {
    if (open === null) return;
    const { gzip, chunks, ended } = open;
    open = null;
    gzip.end();
    await ended;
    const bytes = Buffer.concat(chunks);
    const file = `${name}-${String(files.length + 1).padStart(5, "0")}.ndjson.gz`;
    await draft.put(file, bytes);
    files.push({ name: file, table: name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
  }

  return {
    async add(row) {
      rows++;
      piece += `${JSON.stringify(row)}\n`;
      if (piece.length >= PIECE) await flush();
    },
    async end() {
      await flush();
      await close();
      return { table: { rows, sha256: hash.digest("hex") }, files };
    },
  };
}
