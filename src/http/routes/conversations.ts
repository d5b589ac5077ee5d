/** Creating, reading, updating and listing conversations. */
import type { Context } from "hono";
import type { Contract } from "../../contract/index.ts";
import type { Conversations, ListQuery } from "../../core/conversations.ts";
import { ConversationNotFoundError } from "../../core/errors.ts";
import { setOwn, type JsonObject } from "../../core/json.ts";
import { originOf } from "../../core/conversation.ts";
import type { Limits } from "../../core/limits.ts";
import { TOKEN_OPERATIONS, TOKEN_SECONDS } from "../../core/token-operation.ts";
import type { ConversationTokens } from "../../security/conversation-tokens.ts";
import type { ClientIpMode } from "../app-options.ts";
import type { Cursors } from "../cursors.ts";
import type { Door } from "../door.ts";
import { namesTag } from "../etag.ts";
import { json } from "../reply.ts";
import { stateReply } from "../state-reply.ts";
import { keptAddress } from "../visitor-address.ts";

/** What these routes need. */
export interface ConversationRouteOptions {
  readonly manager: Conversations;
  readonly limits: Limits;
  readonly cursors: Cursors;
  readonly tokens: ConversationTokens;
  readonly clientAddress: (c: Context) => string | null;
  readonly clientIp: ClientIpMode;
}

/** Keys that come from the request itself: a client's context cannot set them. */
const OF_THE_REQUEST = new Set(["userAgent", "source", "clientIP"]);

/** The metadata of a new conversation. */
function firstMetadata(
  c: Context,
  body: { userAgent?: string | null | undefined; source?: string | null | undefined; initialContext?: JsonObject | null | undefined },
  { limits, clientAddress, clientIp }: ConversationRouteOptions,
): JsonObject {
  // A header may be longer than what is kept; cutting it must not leave half a character.
  const userAgent = body.userAgent || c.req.header("user-agent")?.slice(0, limits.userAgent).toWellFormed();
  const address = keptAddress(clientAddress(c), clientIp);
  const metadata: JsonObject = {
    ...(userAgent ? { userAgent } : {}),
    source: body.source || "api",
    ...(address === undefined ? {} : { clientIP: address }),
  };
  const context = body.initialContext ?? {};
  for (const key of Object.keys(context)) if (!OF_THE_REQUEST.has(key)) setOwn(metadata, key, context[key]!);
  return metadata;
}

/** Puts the routes in. */
export function addConversationRoutes(door: Door, contract: Contract, options: ConversationRouteOptions): void {
  const { manager, cursors, tokens } = options;

  /** What a browser that came with a site key goes on with. */
  async function firstToken(conversation: { id: string }): Promise<string> {
    const epoch = originOf(conversation)?.head.tokenEpoch ?? 0;
    const claims = { conversation: conversation.id, operations: TOKEN_OPERATIONS, epoch };
    return (await tokens.issue(claims, TOKEN_SECONDS.default)).token;
  }

  door.on(contract.createConversation, async ({ c, body, once, caller }) => {
    const conversation = await manager.createConversation({ metadata: firstMetadata(c, body, options) }, once);
    const token = caller?.site ? { token: await firstToken(conversation) } : {};
    return stateReply({ conversationId: conversation.id, data: conversation, ...token }, conversation, "all");
  });

  door.on(contract.getConversation, async ({ c, id, query: { messages, touch } }) => {
    const conversation = await (touch ? manager.getConversation(id, { messages }) : manager.peekConversation(id, { messages }));
    if (!conversation) throw new ConversationNotFoundError(id);
    const reply = stateReply({ data: conversation }, conversation, messages);
    const condition = c.req.header("if-none-match");
    const etag = reply.headers?.["etag"];
    if (condition === undefined || etag === undefined || !namesTag(condition, etag)) return reply;
    return { status: 304, body: null, headers: { etag } };
  });

  door.on(contract.updateConversation, async ({ id, body, query: { messages }, expected }) => {
    const conversation = await manager.updateConversation(id, body, { messages, ...expected });
    return stateReply({ data: conversation }, conversation, messages);
  });

  door.on(contract.listConversations, async ({ query: { cursor, limit, ...filters } }) => {
    const scope = `conversations ${JSON.stringify(filters)}`;
    const query = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined)) as ListQuery;
    if (cursor !== undefined) query.cursor = await cursors.open(cursor, scope);
    const page = await manager.listConversations({ ...query, limit });
    return json({ success: true, data: page.data, nextCursor: await cursors.seal(page.nextCursor, scope) });
  });
}
