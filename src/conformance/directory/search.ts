/** What searching promises: what was said is found as long as it may be, by all the words that are asked for. */
import assert from "node:assert/strict";
import type { Directory, DirectoryQuery } from "../../core/directory.ts";
import type { Head } from "../../core/head.ts";
import type { ConformanceCase, ConformanceContext } from "../conformance-case.ts";
import { directoryOf, numbers } from "../expectations.ts";
import { archivedAt, HOUR, makeHead } from "../make-conversation.ts";

function promise(name: string, run: (directory: Directory, context: ConformanceContext) => Promise<void>): ConformanceCase {
  return {
    name: `directory: search: ${name}`,
    needs: ["directory", "search"],
    run: (context) => run(directoryOf(context.stores), context),
  };
}

/** What was said, one text a message, from the seq after `after`. */
function said(texts: readonly string[], after = 0): { after: number; messages: { seq: number; text: string }[] } {
  return { after, messages: texts.map((text, i) => ({ seq: after + i + 1, text })) };
}

/** Indexes a conversation with these texts. */
async function spoken(directory: Directory, created: number, texts: readonly string[], fields: Partial<Head> = {}): Promise<Head> {
  const head = makeHead(created, { lastSeq: texts.length, ...fields });
  await directory.index(head, said(texts));
  return head;
}

async function find(directory: Directory, text: string, query: Partial<DirectoryQuery> = {}): Promise<string[]> {
  const { heads, snippets } = await directory.list({ limit: 100, ...query, text });
  assert.equal(snippets?.length, heads.length, "one snippet for each head");
  return heads.map(({ id }) => id);
}

export const searchCases: readonly ConformanceCase[] = [
  promise("a word that was said finds the conversations in which it was, newest first", async (directory, { clock }) => {
    const now = clock.now();
    const first = await spoken(directory, now, ["the stampante is broken", "which one?"]);
    const second = await spoken(directory, now + HOUR, ["hello", "a stampante, please"]);
    await spoken(directory, now + 2 * HOUR, ["nothing of that"]);
    await spoken(directory, now + 3 * HOUR, []);
    assert.deepEqual(await find(directory, "stampante"), [second.id, first.id]);
    assert.deepEqual(await find(directory, "telefono"), []);
  }),

  promise("all the words must have been said, in whichever messages and order", async (directory, { clock }) => {
    const now = clock.now();
    const apart = await spoken(directory, now, ["Mario Rossi here", "what is it?", "the stampante is broken"]);
    const other = await spoken(directory, now + HOUR, ["Luigi Rossi here", "the stampante is broken"]);
    assert.deepEqual(await find(directory, "stampante rossi"), [other.id, apart.id]);
    assert.deepEqual(await find(directory, "mario stampante"), [apart.id]);
    assert.deepEqual(await find(directory, "mario luigi"), []);
    assert.deepEqual(await find(directory, "mario telefono"), []);
  }),

  promise("letter case and accents do not count, neither as said nor as asked", async (directory, { clock }) => {
    const { id } = await spoken(directory, clock.now(), ["Perché la CITTÀ è così?", "decomposed: cafe\u0301", "Straße"]);
    for (const text of ["perché", "perche", "PERCHÉ", "citta", "Città", "è", "e così", "café", "CAFE", "straße"]) {
      assert.deepEqual(await find(directory, text), [id], text);
    }
  }),

  promise("what is between words means nothing, whatever it is; without a word nothing is found", async (directory, { clock }) => {
    const { id } = await spoken(directory, clock.now(), ["the stampante, model X-200 (new) isn't here: and or not near"]);
    const marked = [
      '"stampante"',
      "stampante!",
      "(stampante",
      "stampante*",
      "-stampante",
      "stampante:",
      "'stampante' \\ %",
      "{stampante} AND",
    ];
    const asked = [...marked, "model, x 200", "NEAR(stampante)", "and", "or", "not", "stampante & model | new"];
    for (const text of asked) assert.deepEqual(await find(directory, text), [id], text);
    for (const text of ["", " ", '"', "***", "( )", "-", "…", "stampante ' OR '1'='1"])
      assert.deepEqual(await find(directory, text), [], text);
  }),

  promise("text queries go together with filters and pages", async (directory, { clock }) => {
    const now = clock.now();
    const heads: Head[] = [];
    for (const i of numbers(0, 29)) {
      const fields = { source: i % 2 ? "widget" : "api", status: i % 3 ? "active" : "completed" } as const;
      heads.unshift(await spoken(directory, now + i * HOUR, [i % 5 ? "common stampante" : "common"], fields));
    }
    const expected = heads
      .filter(({ source, status }, i) => (29 - i) % 5 !== 0 && source === "widget" && status === "active")
      .map(({ id }) => id);
    assert.ok(expected.length > 6);
    const query = { source: "widget", status: ["active"], text: "stampante" } as const;
    assert.deepEqual(await find(directory, "stampante", query), expected);
    const found: string[] = [];
    for (let before: string | undefined, i = 0; i < 100; i++) {
      const page = await directory.list({ ...query, limit: 3, ...(before === undefined ? {} : { before }) });
      assert.equal(page.snippets?.length, page.heads.length);
      found.push(...page.heads.map(({ id }) => id));
      if (page.next === null) break;
      before = page.next;
    }
    assert.deepEqual(found, expected);
    assert.deepEqual(await find(directory, "stampante", { ...query, from: expected[4]!, before: expected[1]! }), expected.slice(2, 5));
  }),

  promise("a snippet is a piece of plain text as it was said, with a word that was searched", async (directory, { clock }) => {
    const long = `${"prima parola e poi ".repeat(40)}la <b>STAMPANTE</b> & il "toner" ${"dopo ancora altro ".repeat(40)}`;
    const short = "la stampante è rotta";
    await spoken(directory, clock.now(), ["buongiorno", short]);
    await spoken(directory, clock.now() + HOUR, ["buongiorno", long, "grazie"]);
    const { snippets } = await directory.list({ limit: 10, text: "stampante" });
    assert.equal(snippets?.length, 2);
    for (const [i, text] of [long, short].entries()) {
      const snippet = snippets[i]!;
      assert.match(snippet, /stampante/i);
      for (const piece of snippet.split("…")) assert.ok(text.includes(piece.trim()), `"${piece}" was said`);
    }
    assert.ok(snippets[0]!.length < long.length / 2, "of a long text it is a piece");
    assert.equal((await directory.list({ limit: 10 })).snippets, undefined, "without a text query there is none");
  }),

  promise("text that is added later is found beside what was there", async (directory, { clock }) => {
    const head = await spoken(directory, clock.now(), ["uno", "due"]);
    assert.deepEqual(await directory.indexed([head.id]), [2]);
    await directory.index({ ...head, version: 2, lastSeq: 4 }, said(["tre", "quattro"], 2));
    assert.deepEqual(await directory.indexed([head.id]), [4]);
    assert.deepEqual(await find(directory, "uno quattro"), [head.id]);
    await directory.index({ ...head, version: 3, hold: true });
    assert.deepEqual(await find(directory, "due tre"), [head.id], "a head without text leaves the text");
    assert.deepEqual(await directory.indexed([head.id]), [4]);
  }),

  promise("after a cut the text that was said instead is found, and what was cut is not", async (directory, { clock }) => {
    const head = await spoken(directory, clock.now(), ["uno", "due", "tre", "quattro"]);
    await directory.index({ ...head, version: 2, lastSeq: 3 }, said(["cinque"], 2));
    assert.deepEqual(await directory.indexed([head.id]), [3]);
    assert.deepEqual(await find(directory, "uno due cinque"), [head.id]);
    for (const text of ["tre", "quattro"]) assert.deepEqual(await find(directory, text), []);
    await directory.index({ ...head, version: 3, lastSeq: 0 }, said([], 0));
    assert.deepEqual(await directory.indexed([head.id]), [0]);
    for (const text of ["uno", "due", "cinque"]) assert.deepEqual(await find(directory, text), []);
  }),

  promise("indexing the same text again changes nothing", async (directory, { clock }) => {
    const head = await spoken(directory, clock.now(), ["uno", "due"]);
    for (let i = 0; i < 2; i++) await directory.index(head, said(["uno", "due"]));
    await directory.index(head, said(["due"], 1));
    assert.deepEqual(await find(directory, "uno due"), [head.id]);
    assert.deepEqual(await directory.indexed([head.id]), [2]);
  }),

  promise("a head older than the entry brings no text", async (directory, { clock }) => {
    const head = await spoken(directory, clock.now(), ["uno"], { version: 5 });
    await directory.index({ ...head, version: 4 }, said(["vecchio"], 1));
    assert.deepEqual(await find(directory, "vecchio"), []);
    assert.deepEqual(await find(directory, "uno"), [head.id]);
    assert.deepEqual(await directory.indexed([head.id]), [1]);
  }),

  promise("a wiped or deleted head removes all text, and brings none", async (directory, { clock }) => {
    const now = clock.now();
    const wiped = await spoken(directory, now, ["segreto uno"]);
    const erased = await spoken(directory, now + HOUR, ["segreto due"]);
    const kept = await spoken(directory, now + 2 * HOUR, ["segreto tre"]);
    const over = { ...archivedAt(now), version: 2, wiped: true, metadata: {} };
    await directory.index({ ...wiped, ...over }, said(["segreto ancora"], 1));
    await directory.index({ ...erased, ...over, status: "deleted" });
    assert.deepEqual(await find(directory, "segreto"), [kept.id]);
    assert.deepEqual(await directory.indexed([wiped.id, kept.id, erased.id]), [0, 1, 0]);
    await directory.index(wiped, said(["segreto tardi"], 1));
    assert.deepEqual(await find(directory, "segreto"), [kept.id], "a late head does not bring it back");
  }),

  promise("indexed answers in the order of the IDs, 0 where nothing is indexed", async (directory, { clock }) => {
    const now = clock.now();
    const two = await spoken(directory, now, ["uno", "due"]);
    const none = makeHead(now);
    const five = makeHead(now + HOUR, { lastSeq: 9 });
    await directory.index(none);
    await directory.index(five, { after: 3, messages: [{ seq: 5, text: "cinque" }] });
    const wanted = [five.id, makeHead(now).id, two.id, none.id, five.id];
    assert.deepEqual(await directory.indexed(wanted), [5, 0, 2, 0, 5]);
    await directory.index({ ...five, version: 2 }, said([], 8));
    assert.deepEqual(await directory.indexed([five.id]), [8]);
    assert.deepEqual(await directory.indexed([]), []);
  }),

  promise("what is beyond the bytes that are indexed is not found, and is in nobody's way", async (directory, { clock }) => {
    const { searchBytes } = directory.capabilities;
    assert.ok(searchBytes > 0);
    // Where everything or very much is indexed, as much as one message may hold must do.
    const bytes = Math.min(searchBytes, 1024 * 1024);
    const head = makeHead(clock.now(), { lastSeq: 3 });
    const filler = "riempitivo ".repeat(Math.ceil(bytes / 11));
    await directory.index(head, said(["inizio", filler, "fine"]));
    assert.deepEqual(await find(directory, "inizio riempitivo"), [head.id]);
    assert.deepEqual(await find(directory, "fine"), bytes === searchBytes ? [] : [head.id]);
    assert.deepEqual(await directory.indexed([head.id]), [3], "there is nothing left to do");
    await directory.index({ ...head, version: 2, lastSeq: 4 }, said(["ancora"], 3));
    assert.deepEqual(await directory.indexed([head.id]), [4]);
    await directory.index({ ...head, version: 3, lastSeq: 2 }, said(["nuovo"], 1));
    assert.deepEqual(await find(directory, "inizio nuovo"), [head.id], "a cut makes room");
  }),

  promise("what was purged is not found", async (directory, { clock }) => {
    const now = clock.now();
    await spoken(directory, now - HOUR, ["vecchio"], archivedAt(now - HOUR));
    assert.equal(await directory.purge(now, 10), 1);
    assert.deepEqual(await find(directory, "vecchio"), []);
  }),
];
