/** The files of the API page: beside the compiled code, or in development from the package that they come from. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { PageFile } from "../../http/app-options.ts";

/** What may be asked for. */
const TYPES: Readonly<Record<string, string>> = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
};

const FOLDERS = [new URL("../../api-page/", import.meta.url), new URL("../../../node_modules/swagger-ui-dist/", import.meta.url)];

/** A file by its name; null: there is none of that name. Each is read once. */
export function createApiPage(): (file: string) => Promise<PageFile | null> {
  const read = new Map<string, Promise<PageFile | null>>();

  async function load(name: string, contentType: string): Promise<PageFile | null> {
    const path = FOLDERS.map((folder) => fileURLToPath(new URL(name, folder))).find((each) => existsSync(each));
    return path === undefined ? null : { body: new Uint8Array(await readFile(path)), contentType };
  }

  return async (file) => {
    const contentType = Object.hasOwn(TYPES, file) ? TYPES[file] : undefined;
    if (contentType === undefined) return null;
    const known = read.get(file) ?? load(file, contentType);
    read.set(file, known);
    return known;
  };
}
