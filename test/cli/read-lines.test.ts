import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines, type Line } from "../../src/cli/read-lines.ts";

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function lines(bytes: Buffer, size: number, longest?: number): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of readLines(pieces(bytes, size), longest)) found.push(line);
  return found;
}

describe("lines of a stream", () => {
  it("are the same however the stream is cut", async () => {
    const text = fc.array(
      fc.string({ unit: "grapheme", maxLength: 20 }).filter((each) => !/[\n\r]/.test(each)),
      { maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (given, end, last, size) => {
          const bytes = Buffer.from(given.join(end) + (last ? end : ""));
          const expected = given.flatMap((each, index) => (each.trim() === "" ? [] : [{ number: index + 1, text: each.trim() }]));
          const found = (await lines(bytes, size)).map((line) => ({ number: line.number, text: "text" in line ? line.text : undefined }));
          // A mark at the very beginning is not text.
          if (given[0]?.startsWith("\uFEFF")) return;
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("say where they end", async () => {
    expect((await lines(Buffer.from("ab\n\ncdè\nf"), 2)).map((line) => line.end)).toEqual([3, 9, 10]);
  });

  it("may begin with a byte order mark", async () => {
    expect(await lines(Buffer.from("\uFEFF{}\n"), 1)).toEqual([{ number: 1, end: 6, text: "{}" }]);
  });

  it("that are not UTF-8 or too long are named, and the next ones are read", async () => {
    const bytes = Buffer.concat([Buffer.from([0x61, 0xff, 0x0a]), Buffer.alloc(1000, 0x61), Buffer.from("\nok\n")]);
    expect(await lines(bytes, 64, 100)).toEqual([
      { number: 1, end: 3, wrong: "the line is not valid UTF-8" },
      { number: 2, end: 1004, wrong: "the line is longer than 100 bytes" },
      { number: 3, end: 1007, text: "ok" },
    ]);
  });
});
