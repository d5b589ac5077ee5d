/** Creating a conversation: an ID that was never used, claimed first where the request may be repeated. */
import type { Conversation } from "./conversation.ts";
import { toConversation } from "./conversation.ts";
import type { CreateInput, IdempotencyKey } from "./conversations.ts";
import { tell, type Context } from "./commit.ts";
import { ConflictError, GoneError, IdempotencyKeyReusedError, NotSupportedError, StoreUnavailableError } from "./errors.ts";
import type { Head, LifecycleEvent, NewMessage, StoredMessage, Whole } from "./head.ts";
import type { Once } from "./hot-store.ts";
import type { Environment } from "./id.ts";
import { incomingMetadata, wholeTranscript } from "./incoming.ts";
import { canonicalJson, encodeJson, getOwn, isJsonObject, type Json } from "./json.ts";
import { onceFrom } from "./once.ts";

const DRAWS = 5;

/** The source of a conversation whose metadata names none. */
export const UNKNOWN_SOURCE = "unknown";

/** A first head. Its times are `created`, its metadata what was checked before. */
export async function firstHead(
  { settings }: Context,
  id: string,
  created: number,
  content: { metadata: Json; session: Json; messages: readonly NewMessage[] },
): Promise<Head> {
  const source = isJsonObject(content.metadata) ? getOwn(content.metadata, "source") : undefined;
  return {
    id,
    status: "active",
    source: typeof source === "string" && source !== "" ? source : UNKNOWN_SOURCE,
    environment: id.slice(-1) as Environment,
    incarnation: settings.randomText(),
    version: 1,
    revision: 1,
    lastSeq: content.messages.length,
    bytes: content.messages.reduce((sum, message) => sum + message.size, 0),
    created,
    lastActivity: created,
    lastAccess: null,
    expiresAt: created + settings.ttlMs,
    completedAt: null,
    archivedAt: null,
    archiveReason: null,
    wiped: false,
    warnedFor: null,
    hold: false,
    tokenEpoch: 0,
    keyring: null,
    subjects: await settings.subjects.of(content.metadata, content.session),
    metadata: content.metadata,
    session: content.session,
  };
}

/** New messages as they are stored from seq 1. */
export function storedFrom(messages: readonly NewMessage[], storedAt: (index: number) => number): StoredMessage[] {
  return messages.map((message, i) => ({ ...message, seq: i + 1, storedAt: storedAt(i) }));
}

interface Claim {
  id: string;
  /** It was drawn now; else it is what an earlier or simultaneous try drew. */
  first: boolean;
  version: number;
}

/** Claims an ID for a request that may be repeated. `ifVersion`: of the claim that turned out to be void; 0: none. */
async function claim({ stores }: Pick<Context, "stores">, once: Once, id: string, ifVersion: number): Promise<Claim> {
  if (!stores.records) throw new NotSupportedError("This store keeps no idempotency keys");
  const value = { id, fingerprint: once.fingerprint };
  const claimed = await stores.records.put("claim", once.key, value, { ifVersion, until: once.until });
  // The claim that was void has ended meanwhile.
  if (claimed.version === 0) return claim({ stores }, once, id, 0);
  const stored = claimed.value as typeof value;
  if (stored.fingerprint !== once.fingerprint) throw new IdempotencyKeyReusedError();
  return { id: stored.id, first: claimed.won, version: claimed.version };
}

/** What the first try made was removed since: a late repeat does not bring it back under another ID. */
function refuseRemoved(head: Head): void {
  if (head.status === "deleted") throw new GoneError();
  if (head.wiped) throw new ConflictError("Conversation was wiped");
}

/** `createConversation` of the interface. */
export async function createConversation(
  context: Context,
  initial: CreateInput = {},
  options: { idempotencyKey?: IdempotencyKey } = {},
): Promise<Conversation> {
  const { stores, settings } = context;
  const { metadata, session } = incomingMetadata(initial.metadata ?? {}, settings.limits);
  const transcript = wholeTranscript(initial.messages ?? [], settings);
  const once =
    options.idempotencyKey === undefined
      ? undefined
      : await onceFrom(settings, options.idempotencyKey, "create", () =>
          canonicalJson(JSON.parse(encodeJson(initial, "conversation", 64)) as Json),
        );
  let claimed: Claim | null = null;

  for (let attempt = 0; attempt < DRAWS; attempt++) {
    const now = settings.clock();
    const drawn = settings.ids.generate(settings.environment, { now });
    if (once) claimed = await claim(context, once, drawn, claimed?.version ?? 0);
    const id = claimed?.id ?? drawn;
    const head = await firstHead(context, id, now, { metadata, session, messages: transcript });
    const whole: Whole = { head, messages: storedFrom(transcript, () => now) };
    const events: LifecycleEvent[] = [{ type: "created", at: now, details: { source: head.source } }];
    const result = await stores.hot.create(whole, { events, ...(once ? { once } : {}), window: Infinity });
    if (result.outcome === "done") {
      tell(context, id, { now, events });
      return toConversation(result.head, result.window);
    }
    if (result.outcome === "replayed") return toConversation(result.head, result.window, true);
    if (result.outcome === "key-reused") throw new IdempotencyKeyReusedError();
    if (claimed && !claimed.first && "head" in result) refuseRemoved(result.head);
    // The ID is taken by another conversation; a claim on it is void and drawn again.
  }
  throw new StoreUnavailableError("No free conversation ID was found; check the random number generator");
}
