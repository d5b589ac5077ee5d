// What a server has acknowledged, held against what it has stored: what is lost, doubled, out of its place or left out.

/** A stored message: its place, and what tells it from all others. */
export interface StoredLine {
  readonly seq: number;
  readonly content: string;
}

/** Every stored conversation with its transcript. */
export type Transcripts = ReadonlyMap<string, readonly StoredLine[]>;

/** What is wrong; each entry names a conversation, and a message where it is about one. */
export interface Verdict {
  /** Acknowledged, and not there, or at another place than the answer said. */
  readonly lost: string[];
  /** Stored more than once. */
  readonly doubled: string[];
  /** Places that do not follow each other from 1 on. */
  readonly gaps: string[];
}

/** Nothing is wrong. */
export const ALL_WELL: Verdict = { lost: [], doubled: [], gaps: [] };

/** A record of acknowledgements. Contents must be unique over all conversations. */
export interface Ledger {
  created(id: string): void;
  appended(id: string, seq: number, content: string): void;
  /** How many appends were acknowledged. */
  readonly appends: number;
  /** Those that were acknowledged last, newest first. */
  newest(count: number): { id: string; seq: number; content: string }[];
  /** The conversations that were acknowledged, in their order. */
  readonly conversations: readonly string[];
  compare(stored: Transcripts): Verdict;
  /** What is stored, and was never acknowledged: right for what was under way when the server died, wrong otherwise. */
  unacknowledged(stored: Transcripts): string[];
}

/** An empty ledger. */
export function createLedger(): Ledger {
  const conversations: string[] = [];
  const appends = new Map<string, { id: string; seq: number }>();
  return {
    created: (id) => void conversations.push(id),
    appended(id, seq, content) {
      if (appends.has(content)) throw new Error(`${content} was acknowledged twice: the test counts wrongly`);
      appends.set(content, { id, seq });
    },
    get appends() {
      return appends.size;
    },
    newest: (count) =>
      [...appends]
        .slice(-count)
        .reverse()
        .map(([content, { id, seq }]) => ({ id, seq, content })),
    conversations,
    compare(stored) {
      const lost = conversations.filter((id) => !stored.has(id));
      for (const [content, { id, seq }] of appends) {
        // Places count from 1; whatever breaks that is a gap as well.
        if (stored.get(id)?.[seq - 1]?.content !== content) lost.push(`${id} ${seq} ${content}`);
      }
      const doubled = conversations.filter((id, index) => conversations.indexOf(id) !== index);
      const gaps: string[] = [];
      const seen = new Set<string>();
      for (const [id, lines] of stored) {
        lines.forEach(({ seq, content }, index) => {
          if (seq !== index + 1) gaps.push(`${id} ${seq} ${content}`);
          if (seen.has(content)) doubled.push(`${id} ${seq} ${content}`);
          seen.add(content);
        });
      }
      return { lost, doubled, gaps };
    },
    unacknowledged(stored) {
      const known = new Set(conversations);
      const extra = [...stored.keys()].filter((id) => !known.has(id));
      for (const [id, lines] of stored) {
        for (const { seq, content } of lines) if (!appends.has(content)) extra.push(`${id} ${seq} ${content}`);
      }
      return extra;
    },
  };
}
