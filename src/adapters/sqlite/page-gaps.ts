// Finds what SQLite leaves behind when it moves rows between pages. With `secure_delete` a removed row is overwritten where it was last, but
// when a page is split or merged, copies of rows that moved away stay in the unused stretch between its cell pointers and its cells.

/** A stretch of bytes within the file. */
export interface Gap {
  at: number;
  length: number;
}

/** The file must have fewer pages. From there on the first byte of an overflow page could be taken for the type of a b-tree page. */
export const MAX_PAGES = 2 ** 25;

const FILE_HEADER = 100;
const INTERIOR_TYPES = [2, 5];
const LEAF_TYPES = [10, 13];

/**
 * The unused stretch of page `number` (from 1), if it is a page of a b-tree and the stretch holds anything but zeros; else null. SQLite never
 * reads these bytes. `page`: its whole content.
 */
export function dirtyGapOf(page: Buffer, number: number): Gap | null {
  const header = number === 1 ? FILE_HEADER : 0;
  const type = page.readUInt8(header);
  const isInterior = INTERIOR_TYPES.includes(type);
  if (!isInterior && !LEAF_TYPES.includes(type)) return null;
  const cells = page.readUInt16BE(header + 3);
  const start = header + (isInterior ? 12 : 8) + 2 * cells;
  // 0 stands for 65,536.
  const end = page.readUInt16BE(header + 5) || 65_536;
  if (end > page.length || start >= end) return null;
  // No cell begins before the first one: a page of which that is not true is something else.
  for (let at = start - 2 * cells; at < start; at += 2) if (page.readUInt16BE(at) < end) return null;
  for (let i = start; i < end; i++) if (page[i] !== 0) return { at: (number - 1) * page.length + start, length: end - start };
  return null;
}
