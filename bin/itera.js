#!/usr/bin/env node
// The command `itera`. Plain JavaScript of any age, so that an old Node can still read it and say what is wrong.

import { existsSync } from "node:fs";

const WANTED = 24;
const main = new URL("../dist/cli/main.js", import.meta.url);

if (Number(process.versions.node.split(".")[0]) < WANTED) {
  console.error(`itera needs Node ${WANTED} or newer; this is Node ${process.versions.node}. Install a newer Node and try again.`);
  process.exitCode = 2;
} else if (!existsSync(main)) {
  console.error("itera is not built yet: run `npm install` (or `npm run build`) in its folder and try again.");
  process.exitCode = 2;
} else {
  await import(main.href);
}
