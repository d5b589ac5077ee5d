/** The `.env` file of a folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** Its variables, as Node's own `--env-file` reads them; empty if there is no such file. Throws what reading throws. */
export function readEnvFile(folder: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(join(folder, ".env"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  return { ...parseEnv(text.replace(/^\uFEFF/, "")) } as Record<string, string>;
}
