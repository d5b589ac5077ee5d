/** The limits of what is taken in. Each can be configured, and each has its own sentence when it is broken. */

/** Sizes in bytes of UTF-8, lengths in UTF-16 units, counts. */
export interface Limits {
  /** An HTTP body, and that of a PUT of a whole conversation. */
  bodyBytes: number;
  wholeBodyBytes: number;
  messageBytes: number;
  metadataBytes: number;
  sessionBytes: number;
  jsonDepth: number;
  /** Messages in one append. */
  batch: number;
  /** Conversations on a page, and how many by default. */
  list: number;
  listDefault: number;
  /** Messages on a page, and how many by default. */
  messages: number;
  messagesDefault: number;
  window: number;
  conversationMessages: number;
  conversationBytes: number;
  source: number;
  userAgent: number;
  /** A reason in archiving, and elsewhere. */
  archiveReason: number;
  reason: number;
  messageId: number;
}

/** What holds unless it is configured otherwise. */
export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 1024 * 1024,
  wholeBodyBytes: 17 * 1024 * 1024,
  messageBytes: 256 * 1024,
  metadataBytes: 64 * 1024,
  sessionBytes: 64 * 1024,
  jsonDepth: 32,
  batch: 100,
  list: 100,
  listDefault: 25,
  messages: 1000,
  messagesDefault: 100,
  window: 1000,
  conversationMessages: 50_000,
  conversationBytes: 16 * 1024 * 1024,
  source: 64,
  userAgent: 512,
  archiveReason: 50,
  reason: 200,
  messageId: 128,
};
