// File systems of a test's own: small ones in memory, and images in a file, whose copy is what a power cut would have left. All are
// unmounted when the test ends.

import { execFileSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";

const MIB = 1024 * 1024;

/** What is mounted now, so that not even a run that is broken off leaves it behind. */
const mounted = new Set<string>();
process.once("exit", () => {
  for (const folder of mounted) unmount(folder, "--lazy");
});

function unmount(folder: string, ...options: string[]): void {
  mounted.delete(folder);
  execFileSync("umount", [...options, folder]);
}

function mount(folder: string, ...args: string[]): string {
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", [...args, folder]);
  mounted.add(folder);
  onTestFinished(() => {
    if (mounted.has(folder)) unmount(folder);
  });
  return folder;
}

/** A folder on a disk in memory with room for so many MiB. */
export function smallDisk(mib: number): string {
  return mount(join(temporaryFolder(), "disk"), "-t", "tmpfs", "-o", `size=${mib}m`, "itera-test");
}

/** Makes a file with an empty ext4 file system in it. */
export function makeImage(path: string, mib: number): void {
  writeFileSync(path, "");
  truncateSync(path, mib * MIB);
  execFileSync("mkfs.ext4", ["-q", "-F", path]);
}

/**
 * Mounts an image. Nothing is written to it but what somebody syncs: the file system's own rhythm is far slower than a test.
 */
export function mountImage(path: string, folder: string): string {
  return mount(folder, "-o", "loop,commit=600", path);
}

/** Unmounts what was mounted here. */
export function unmountImage(folder: string): void {
  unmount(folder);
}
