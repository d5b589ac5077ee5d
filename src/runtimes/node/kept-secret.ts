/** The service's secret: the configured one, or in development one that is made once and kept beside the database. */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../../adapters/sqlite/make-folder.ts";
import type { Config } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { secretBytes } from "./secret-formats.ts";

/**
 * The bytes of the secret. Without `SECRET` (only development gets here) the file `secret` in the database's folder has
 * it, made with 32 random bytes and mode 0600 when it is missing; of several processes that start at once one makes it.
 * Throws `ConfigurationError` if the file holds something else, and what the file system throws.
 */
export function keptSecret(config: Pick<Config, "secret" | "database">): Uint8Array<ArrayBuffer> {
  if (config.secret !== null) return config.secret;
  const folder = dirname(config.database.path);
  const path = join(folder, "secret");
  const kept = read(path);
  if (kept !== null) return kept;
  makeFolder(folder);
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
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
