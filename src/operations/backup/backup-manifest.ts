/** The manifest of a backup: what is in it, and hashes of all of it, its own last. */
import { createHash } from "node:crypto";
import { ConflictError, StoredDataError } from "../../core/errors.ts";
import { damaged } from "./backup-error.ts";
import { timeOfBackup } from "./backup-id.ts";
import { MANIFEST } from "./backup-place.ts";
import { TABLES, type TableName } from "./backup-rows.ts";

/** The newest form of backups that this version reads; it is the one that it writes. */
export const FORMAT_VERSION = 1;
/** The same of the rows in them. */
export const SCHEMA_VERSION = 1;

/** A file of a backup. */
export interface ManifestFile {
  readonly name: string;
  readonly table: TableName;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a table holds. `sha256`: of its lines, in their order, each with its line feed. */
export interface ManifestTable {
  readonly rows: number;
  readonly sha256: string;
}

/** What a manifest says. Times are ISO 8601 in UTC. */
export interface Manifest {
  readonly format: "itera-backup";
  readonly formatVersion: number;
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly schemaVersion: number;
  /** The version of the program that wrote it. */
  readonly program: string;
  /** What conversation IDs begin with. */
  readonly idPrefix: string;
  /** `snapshot`: all of it at one instant; `conversation`: each conversation at one instant. */
  readonly consistency: "snapshot" | "conversation";
  readonly messages: number;
  /** The names of the master keys that are needed to read it; never the keys. */
  readonly keys: readonly string[];
  /** The last entry of the erasure log. */
  readonly erasurePosition: number;
  readonly tables: Readonly<Record<TableName, ManifestTable>>;
  readonly files: readonly ManifestFile[];
}

/** Larger manifests are refused: a file of 8 MiB takes 150 bytes in it. */
export const MANIFEST_LIMIT = 64 * 1024 * 1024;

const TAIL = /^,"sha256":"([0-9a-f]{64})"\}\n$/;
const FILE_NAME = /^(conversations|records|days|erasures)-\d{5}\.ndjson\.gz$/;
const HEX = /^[0-9a-f]{64}$/;

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The text of a manifest, with its own hash last. */
export function manifestText(manifest: Manifest): string {
  const body = `{"manifest":${JSON.stringify(manifest)}`;
  return `${body},"sha256":"${sha256(body)}"}\n`;
}

/** A whole number from 0 on. */
function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSound(manifest: Manifest): boolean {
  const { format, id, startedAt, finishedAt, idPrefix, consistency, messages, keys, erasurePosition, tables, files, program } = manifest;
  const texts: unknown[] = [id, startedAt, finishedAt, idPrefix, program, ...keys];
  return (
    format === "itera-backup" &&
    texts.every((text) => typeof text === "string") &&
    timeOfBackup(id) !== null &&
    (consistency === "snapshot" || consistency === "conversation") &&
    isCount(messages) &&
    isCount(erasurePosition) &&
    TABLES.every((table) => isCount(tables[table].rows) && HEX.test(tables[table].sha256)) &&
    files.every(
      (file) => FILE_NAME.test(file.name) && file.name.startsWith(`${file.table}-`) && isCount(file.bytes) && HEX.test(file.sha256),
    ) &&
    new Set(files.map(({ name }) => name)).size === files.length
  );
}

/** Reads a manifest that belongs to the backup `id`. Throws `StoredDataError` for a damaged one, `ConflictError` for one of a newer version. */
export function readManifest(bytes: Uint8Array, id: string): Manifest {
  const text = new TextDecoder().decode(bytes);
  const cut = text.lastIndexOf(',"sha256":"');
  const body = text.slice(0, cut);
  // Byte for byte: whatever was changed, be it a blank, is damage.
  const own = TAIL.exec(text.slice(cut))?.[1];
  if (cut < 0 || !Buffer.from(text).equals(bytes) || sha256(body) !== own) throw damaged(`${MANIFEST} is not as it was written`);
  let manifest: Manifest;
  try {
    manifest = (JSON.parse(`${body}}`) as { manifest: Manifest }).manifest;
    const { formatVersion, schemaVersion } = manifest;
    if (formatVersion > FORMAT_VERSION || schemaVersion > SCHEMA_VERSION) {
      throw new ConflictError(
        `The backup was written by a newer version (${String(manifest.program)}); use that one, or a newer one, to read it`,
      );
    }
    if (formatVersion !== FORMAT_VERSION || !isCount(schemaVersion) || !isSound(manifest)) throw damaged(`${MANIFEST} makes no sense`);
  } catch (error) {
    if (error instanceof ConflictError || error instanceof StoredDataError) throw error;
    throw damaged(`${MANIFEST} makes no sense`);
  }
  if (manifest.id !== id) throw damaged(`it is the backup ${manifest.id} under another name`);
  return manifest;
}
