/** Making a folder with all that is above it, step by step: where nothing can be made, as under /proc, `recursive` of Node tries for ever. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a folder, and those above it, unless they are there. Throws what the file system says, with its `code`. */
export function makeFolder(path: string, mode?: number): void {
  const isFolder = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder()) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    // Another process may have made it at the same time.
    if (!isFolder()) throw error;
  }
}
