/** Whether a backup is what was written: every file there, none besides, each with its hash. */
import { damaged } from "./backup-error.ts";
import { MANIFEST_LIMIT, readManifest, type Manifest } from "./backup-manifest.ts";
import { MANIFEST, type BackupPlace } from "./backup-place.ts";
import { readChecked } from "./table-reader.ts";

/** Reads the manifest and looks at the names and sizes of all files. Throws `StoredDataError` for what is wrong. */
export async function openBackup(place: BackupPlace, id: string): Promise<Manifest> {
  const files = await place.files(id);
  if (files.some(({ name, bytes }) => name === MANIFEST && bytes > MANIFEST_LIMIT)) throw damaged(`${MANIFEST} is too long to be one`);
  const manifest = readManifest(await place.read(id, MANIFEST, MANIFEST_LIMIT), id);
  const wanted = new Map(manifest.files.map((file) => [file.name, file]));
  for (const { name, kind, bytes } of files) {
    if (kind !== "file") throw damaged(`${JSON.stringify(name)} is no plain file`);
    if (name === MANIFEST) continue;
    const file = wanted.get(name);
    if (file === undefined) throw damaged(`${JSON.stringify(name)} does not belong to it`);
    if (file.bytes !== bytes) throw damaged(`${name} has ${bytes} bytes, not ${file.bytes}`);
    wanted.delete(name);
  }
  const [missing] = wanted.keys();
  if (missing !== undefined) throw damaged(`${missing} is missing`);
  return manifest;
}

/** The same, with every byte read and hashed. `onProgress` is told which part of the bytes is done. */
export async function checkBackup(place: BackupPlace, id: string, onProgress?: (part: number) => void): Promise<Manifest> {
  const manifest = await openBackup(place, id);
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const file of manifest.files) {
    await readChecked(place, id, file);
    done += file.bytes;
    onProgress?.(done / total);
  }
  return manifest;
}
