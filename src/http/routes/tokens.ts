/** Tokens for browsers: minted, renewed, revoked. */
import type { Contract } from "../../contract/index.ts";
import { originOf } from "../../core/conversation.ts";
import type { Conversations } from "../../core/conversations.ts";
import { ConflictError, ConversationNotFoundError, ForbiddenError } from "../../core/errors.ts";
import { TOKEN_OPERATIONS } from "../../core/token-operation.ts";
import type { ConversationTokens } from "../../security/conversation-tokens.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";
import type { TokenEpochs } from "../token-epochs.ts";

/** What these routes need. */
export interface TokenRouteOptions {
  readonly manager: Conversations;
  readonly tokens: ConversationTokens;
  readonly epochs: TokenEpochs;
}

/** Puts the routes in. */
export function addTokenRoutes(door: Door, contract: Contract, { manager, tokens, epochs }: TokenRouteOptions): void {
  door.on(contract.mintToken, async ({ id, body, caller }) => {
    const conversation = await manager.peekConversation(id, { messages: "none" });
    const head = conversation && originOf(conversation)?.head;
    if (!head) throw new ConversationNotFoundError(id);
    if (head.wiped) throw new ConflictError("Conversation was wiped");
    const renewed = caller?.token;
    const operations = body.operations ?? renewed?.operations ?? TOKEN_OPERATIONS;
    if (renewed) {
      if (conversation.status === "archived") throw new ConflictError("The conversation is over; its token cannot be renewed");
      if (!operations.every((operation) => renewed.operations.includes(operation))) {
        throw new ForbiddenError("A renewed token allows no more than the one before");
      }
      if (renewed.epoch !== head.tokenEpoch) throw new ForbiddenError("The token was revoked; get a new one");
    }
    const { token, expiresAt } = await tokens.issue({ conversation: id, operations, epoch: head.tokenEpoch }, body.expiresIn);
    return json({ success: true, token, expiresAt: new Date(expiresAt).toISOString() });
  });

  door.on(contract.revokeTokens, async ({ id }) => {
    await manager.revokeTokens(id);
    epochs.forget(id);
    return json({ success: true });
  });
}
