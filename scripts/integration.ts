// `npm run test:integration -- <url>`: makes the journey of a chat at a deployed address and prints how each step went. With API keys set there, give one of an
// operator in ITERA_API_KEY. It leaves nothing behind but a tombstone. Exit: 0 all went well, 1 not all, 2 no address.

import { journey } from "../test/journeys/journey.ts";

const [url] = process.argv.slice(2);

if (url === undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
  console.error("Give the address of a service: npm run test:integration -- http://localhost:8787");
  process.exit(2);
}

const MARKS = { ok: "ok", failed: "FAILED", "not supported": "n/a" } as const;
const width = 72;

console.log(`The journey of a chat at ${url}\n`);
const results = await journey(url, {
  key: process.env["ITERA_API_KEY"],
  done({ name, outcome, said, ms }) {
    console.log(`${name.padEnd(width)} ${MARKS[outcome].padEnd(6)} ${String(ms).padStart(6)} ms`);
    if (said !== "") console.log(`    ${said.split("\n").join("\n    ")}`);
  },
});

const count = (outcome: keyof typeof MARKS): number => results.filter((result) => result.outcome === outcome).length;
console.log(`\n${count("ok")} ok, ${count("failed")} failed, ${count("not supported")} not supported by its stores`);
process.exitCode = count("failed") > 0 ? 1 : 0;
