/** Writes a file that is either there whole or not at all. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { UsageError } from "./command.ts";

const PIECE = 256 * 1024;

/**
 * Writes the lines under a temporary name beside `path`, synced, and renames it last; a file that was there before stays
 * until then. Only its owner can read it. On failure, and when the process is told to stop, nothing is left behind.
 */
export async function writeWhole(path: string, lines: AsyncIterable<string>): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  const file = await open(draft, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be written (${error.code ?? "unknown error"})`);
  });
  const stop = (signal: NodeJS.Signals): void => {
    rmSync(draft, { force: true });
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    let piece = "";
    for await (const line of lines) {
      piece += `${line}\n`;
      if (piece.length < PIECE) continue;
      await file.writeFile(piece);
      piece = "";
    }
    await file.writeFile(piece);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => {});
    rmSync(draft, { force: true });
    throw error;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
