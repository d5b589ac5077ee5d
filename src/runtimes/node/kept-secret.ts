/** The secret of development over a file: made once and kept beside it. */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../../adapters/sqlite/make-folder.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { secretBytes } from "./secret-formats.ts";

/** The file beside a database's file. */
function beside(database: { readonly path: string }): string {
  return join(dirname(database.path), "secret");
}

/** The secret that is kept there; null: none is. Throws as `keptSecret`. */
export function secretBeside(database: { readonly path: string }): Uint8Array<ArrayBuffer> | null {
  return read(beside(database));
}

/** Keeps a secret there, unless there is one: answers the one that is there then. */
export function keepSecretBeside(database: { readonly path: string }, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  const path = beside(database);
  makeFolder(dirname(path));
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, `${Buffer.from(secret).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    // A link appears whole or not at all, and never replaces another process's secret.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return read(path)!;
}

/**
 * The bytes of the secret. Without `SECRET` (only development gets here) the file `secret` in the database's folder has
 * it, made with 32 random bytes and mode 0600 when it is missing; of several processes that start at once one makes it.
 * Throws `ConfigurationError` if the file holds something else, and what the file system throws.
 */
export function keptSecret(config: {
  readonly secret: Uint8Array<ArrayBuffer> | null;
  readonly database: { readonly path: string };
}): Uint8Array<ArrayBuffer> {
  return config.secret ?? secretBeside(config.database) ?? keepSecretBeside(config.database, randomBytes(32));
}

function read(path: string): Uint8Array<ArrayBuffer> | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    return secretBytes(text.trim());
  } catch {
    throw new ConfigurationError([
      {
        variable: "SECRET",
        wrong: `the file ${path} is damaged: it holds no secret`,
        right: "restore it, or set SECRET to what it held; a new one makes people and repeats unrecognisable",
      },
    ]);
  }
}
