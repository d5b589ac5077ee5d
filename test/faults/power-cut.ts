// A disk whose power can be cut. It is an image in a file: the process that writes to it is stopped, the image is copied, and the copy is what
// the machine finds when it starts again: all that was synced, and of the rest nothing that can be relied on.

import type { ChildProcess } from "node:child_process";
import { cpSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeImage, mountImage, unmountImage } from "./mounted.ts";

const IMAGE_MIB = 64;

/** A disk that is mounted. */
export interface CuttableDisk {
  /** Where it is mounted; elsewhere after every cut. */
  readonly folder: () => string;
  /** Cuts the power while this process, which alone has files open there, is at work. Afterwards it is gone, and the disk is what is left. */
  readonly cut: (writer: { readonly child: ChildProcess; readonly ended: Promise<unknown> }) => Promise<void>;
}

/** Whether every thread of a process is stopped, none of them still on its way out of the kernel. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8");
    // The name before the state may hold anything, brackets included.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}

/** A disk with an empty ext4 file system, unmounted when the test ends. */
export function cuttableDisk(): CuttableDisk {
  const place = temporaryFolder();
  let cuts = 0;
  const image = (): string => join(place, `image-${cuts}`);
  const folder = (): string => join(place, `disk-${cuts}`);
  makeImage(image(), IMAGE_MIB);
  mountImage(image(), folder());
  return {
    folder,
    async cut({ child, ended }) {
      const before = { image: image(), folder: folder() };
      child.kill("SIGSTOP");
      while (!isStopped(child.pid!)) await sleep(5);
      cuts++;
      cpSync(before.image, image());
      child.kill("SIGKILL");
      await ended;
      unmountImage(before.folder);
      rmSync(before.image);
      mountImage(image(), folder());
    },
  };
}
