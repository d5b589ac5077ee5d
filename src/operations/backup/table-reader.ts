/** Reads the rows of a table back, checking every hash on the way. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { damaged } from "./backup-error.ts";
import type { Manifest, ManifestFile } from "./backup-manifest.ts";
import type { BackupPlace } from "./backup-place.ts";
import type { TableName, Tables } from "./backup-rows.ts";

/** No line is longer: a conversation of 16 MiB, live and over, with every character escaped. */
const LONGEST_LINE = 256 * 1024 * 1024;
const LINE_FEED = 10;

/** The bytes of a file, if they are those that the manifest names. */
export async function readChecked(place: BackupPlace, id: string, { name, bytes, sha256 }: ManifestFile): Promise<Uint8Array> {
  const read = await place.read(id, name, bytes);
  if (read.length !== bytes || createHash("sha256").update(read).digest("hex") !== sha256)
    throw damaged(`${name} is not as it was written`);
  return read;
}

async function* linesOf(file: ManifestFile, compressed: Uint8Array): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of Readable.from([compressed]).pipe(createGunzip()) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        const part = chunk.subarray(from, at + 1);
        yield rest.length === 0 ? part : Buffer.concat([...rest, part]);
        rest = [];
        length = 0;
        from = at + 1;
      }
      if (from === chunk.length) continue;
      rest.push(chunk.subarray(from));
      length += chunk.length - from;
      if (length > LONGEST_LINE) throw damaged(`${file.name} has a line without an end`);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_") !== true) throw error;
    throw damaged(`${file.name} cannot be decompressed`);
  }
  if (length > 0) throw damaged(`${file.name} ends in the middle of a line`);
}

/** The rows of a table, in their order. Throws `StoredDataError` where they are not what was written; the last check comes after the last row. */
export async function* readTable<T extends TableName>(place: BackupPlace, manifest: Manifest, table: T): AsyncGenerator<Tables[T]> {
  const hash = createHash("sha256");
  let rows = 0;
  for (const file of manifest.files) {
    if (file.table !== table) continue;
    for await (const line of linesOf(file, await readChecked(place, manifest.id, file))) {
      hash.update(line);
      rows++;
      let row: Tables[T];
      try {
        row = JSON.parse(line.toString()) as Tables[T];
      } catch {
        throw damaged(`a line of ${file.name} is no JSON`);
      }
      yield row;
    }
  }
  const wanted = manifest.tables[table];
  if (rows !== wanted.rows || hash.digest("hex") !== wanted.sha256) throw damaged(`the table ${table} is not as it was written`);
}
