/** A progress bar on standard error, where a person watches; nowhere else. */
import type { Output } from "./output.ts";

/** A bar that is drawn over itself. */
export interface Progress {
  /** `done` of the whole, from 0 to 1 (null: unknown), and what to say beside the bar. */
  show(done: number | null, text: string): void;
  /** Takes the bar away, so that lines can be written. */
  clear(): void;
}

const EVERY_MS = 100;
const WIDTH = 24;

/** Makes a bar. Where nobody watches it does nothing. */
export function createProgress(output: Output): Progress {
  if (!output.watched || output.json) return { show() {}, clear() {} };
  let drawn = 0;
  return {
    show(done, text) {
      const now = performance.now();
      if (now - drawn < EVERY_MS) return;
      drawn = now;
      const full = Math.round((done ?? 0) * WIDTH);
      const bar = done === null ? "" : `${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${String(Math.floor(done * 100)).padStart(3)} %  `;
      process.stderr.write(`\r\u001b[2K${bar}${text}`);
    },
    clear() {
      if (drawn > 0) process.stderr.write("\r\u001b[2K");
      drawn = 0;
    },
  };
}
