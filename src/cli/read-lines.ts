/** Lines of a stream, one after another, in constant memory: a line that is too long is dropped while it passes by. */

/** A line, counted from 1, or why it cannot be read. `end` is where it ends, in bytes from the beginning. */
export type Line = { readonly number: number; readonly end: number } & ({ readonly text: string } | { readonly wrong: string });

/** A conversation has at most 16 MiB, and escaping may make some of that longer. */
export const LONGEST_LINE = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Reads UTF-8 lines that end in LF or CRLF; a byte order mark at the beginning and empty lines are passed over. */
export async function* readLines(stream: AsyncIterable<Buffer>, longest = LONGEST_LINE): AsyncGenerator<Line> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let parts: Buffer[] = [];
  let size = 0;
  let number = 0;
  let end = 0;

  function finish(): Line | null {
    number++;
    const [bytes, length] = [Buffer.concat(parts), size];
    parts = [];
    size = 0;
    if (length > longest) return { number, end, wrong: `the line is longer than ${longest} bytes` };
    try {
      const text = decoder.decode(number === 1 ? withoutMark(bytes) : bytes).trim();
      return text === "" ? null : { number, end, text };
    } catch {
      return { number, end, wrong: "the line is not valid UTF-8" };
    }
  }

  function take(part: Buffer): void {
    size += part.length;
    if (size <= longest) parts.push(part);
    else parts = [];
  }

  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      end += at + 1 - from;
      from = at + 1;
      const line = finish();
      if (line) yield line;
    }
    take(chunk.subarray(from));
    end += chunk.length - from;
  }
  if (size > 0) {
    const line = finish();
    if (line) yield line;
  }
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
