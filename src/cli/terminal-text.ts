/** Text of chats on a terminal: nothing in it may be obeyed by the terminal, and it keeps to its column. */

/** Replaces what moves the cursor, colours, or turns the direction of text; line breaks and tabs stay. */
export function harmless(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(/(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\uFFFD");
}

/** The same on one line. */
export function oneLine(text: string): string {
  return harmless(text).replaceAll(/\s+/g, " ").trim();
}

/** Breaks text into lines of at most `width` characters, at blanks where there are any; its own line breaks are kept. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let rest = paragraph;
    while (rest.length > width) {
      const blank = rest.lastIndexOf(" ", width);
      const end = blank > 0 ? blank : width;
      lines.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    lines.push(rest);
  }
  return lines;
}
