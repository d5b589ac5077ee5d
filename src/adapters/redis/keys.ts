// Where things lie: every key has the tag of its bucket in braces, so that a cluster keeps a bucket on one server.

/** The bucket of a text, 0 to `buckets` - 1 (FNV-1a). It is part of the stored layout: it must never change. */
export function bucketOf(text: string, buckets: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % buckets;
}

/** The keys of one bucket. */
export interface BucketKeys {
  /** Sorted set of all IDs, in their order. */
  ids: string;
  /** Sorted sets of IDs by when something is due: expiring, warning of it, moving out. They may be early, never late. */
  expire: string;
  warn: string;
  move: string;
  /** Sorted set of what is leased, by the end of the lease: what is due, and items of the outbox. */
  leases: string;
  /** Sorted set of items to pass on, by their stamp; and a hash of what they say, of the last stamp, and of what is to be overwritten. */
  outbox: string;
  items: string;
  /** Sorted set of idempotency entries by their end. */
  ends: string;
  /** Records: a hash, a sorted set in key order, and a sorted set by their end. */
  records: string;
  recordKeys: string;
  recordEnds: string;
}

/** The keys of one conversation. */
export interface ConversationKeys {
  /** Hash of its state. */
  head: string;
  /** List of its messages; the first is seq 1. */
  messages: string;
  /** Hash from the keys of messages that can be repeated to their places. */
  places: string;
  /** Hash of its idempotency entries. */
  once: string;
}

/** All keys under a prefix. */
export interface Keys {
  readonly buckets: number;
  /** Hash of what holds for the whole store. */
  readonly store: string;
  readonly ofBucket: readonly BucketKeys[];
  ofConversation(id: string): ConversationKeys & { bucket: BucketKeys };
}

/** Names the keys under a prefix, which must not have braces. */
export function keysUnder(prefix: string, buckets: number): Keys {
  const tag = (bucket: number) => `${prefix}{${bucket}}:`;
  const ofBucket = Array.from({ length: buckets }, (_, bucket): BucketKeys => {
    const key = (name: string) => tag(bucket) + name;
    return {
      ids: key("ids"),
      expire: key("due:expire"),
      warn: key("due:warn"),
      move: key("due:move"),
      leases: key("leases"),
      outbox: key("outbox"),
      items: key("outbox:items"),
      ends: key("once:ends"),
      records: key("records"),
      recordKeys: key("records:keys"),
      recordEnds: key("records:ends"),
    };
  });
  return {
    buckets,
    store: `${prefix}store`,
    ofBucket,
    ofConversation(id) {
      const bucket = bucketOf(id, buckets);
      const before = tag(bucket);
      return {
        head: `${before}head:${id}`,
        messages: `${before}messages:${id}`,
        places: `${before}places:${id}`,
        once: `${before}once:${id}`,
        bucket: ofBucket[bucket]!,
      };
    },
  };
}
