import { randomBytes } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptSecret } from "../../src/runtimes/node/kept-secret.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const at = (folder: string) => ({ secret: null, database: { engine: "sqlite", path: join(folder, "data", "conversations.db") } }) as const;

describe("the secret of development", () => {
  it("is made once, kept beside the database for its owner alone, and the same ever after", () => {
    const folder = temporaryFolder();
    const first = keptSecret(at(folder));
    expect(first).toHaveLength(32);
    expect(keptSecret(at(folder))).toEqual(first);
    const path = join(folder, "data", "secret");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new Uint8Array(Buffer.from(readFileSync(path, "utf8"), "base64"))).toEqual(first);
    expect(readdirSync(join(folder, "data"))).toEqual(["secret"]);
  });

  it("differs from place to place", () => {
    expect(keptSecret(at(temporaryFolder()))).not.toEqual(keptSecret(at(temporaryFolder())));
  });

  it("is the configured one where there is one, and no file is made", () => {
    const folder = temporaryFolder();
    const secret = new Uint8Array(randomBytes(32));
    expect(keptSecret({ ...at(folder), secret })).toBe(secret);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is not replaced when its file is damaged", () => {
    const folder = temporaryFolder();
    keptSecret(at(folder));
    const path = join(folder, "data", "secret");
    chmodSync(path, 0o600);
    writeFileSync(path, "broken");
    expect(() => keptSecret(at(folder))).toThrow(/SECRET: the file .*secret is damaged/);
    expect(readFileSync(path, "utf8")).toBe("broken");
  });
});
