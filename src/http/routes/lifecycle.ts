/** What moves a conversation through its life. */
import type { Contract } from "../../contract/index.ts";
import type { Conversations } from "../../core/conversations.ts";
import { ForbiddenError, InvalidInputError } from "../../core/errors.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";
import { stateReply } from "../state-reply.ts";

/** A field that may stand in the body or in the query. Throws `InvalidInputError` if both are there and differ. */
function either<T>(name: string, inBody: T | undefined, inQuery: T | undefined, otherwise: T): T {
  if (inBody !== undefined && inQuery !== undefined && inBody !== inQuery) {
    throw new InvalidInputError(`${name} is given in the body and in the query, and differs; give it once`);
  }
  return inBody ?? inQuery ?? otherwise;
}

/** Puts the routes in. */
export function addLifecycleRoutes(door: Door, contract: Contract, manager: Conversations): void {
  door.on(contract.extendConversation, async ({ id, body: { extensionHours, reason }, query: { messages }, expected }) => {
    const data = await manager.extendConversation(id, extensionHours, reason, { messages, ...expected });
    return stateReply({ data, extended: extensionHours }, data, messages);
  });

  door.on(contract.archiveConversation, async ({ caller, id, body, query, expected }) => {
    const { messages } = query;
    const reason = either("reason", body.reason, query.reason, "manual");
    const preserveData = either("preserveData", body.preserveData, query.preserveData, true);
    if (!preserveData && !caller?.may("operator")) throw new ForbiddenError("Wiping needs a key of the scope operator");
    const archived = await manager.archiveConversation(id, reason, { preserveData, messages, ...expected });
    const { receipt, ...data } = archived;
    if (preserveData) return stateReply({ data }, archived, messages);
    return stateReply({ data: { id, status: "archived" }, receipt }, archived, messages);
  });

  door.on(contract.completeConversation, async ({ id, query: { messages }, expected }) => {
    const data = await manager.completeConversation(id, { messages, ...expected });
    return stateReply({ data }, data, messages);
  });

  door.on(contract.reopenConversation, async ({ id, query: { messages }, expected }) => {
    const data = await manager.reopenConversation(id, { messages, ...expected });
    return stateReply({ data }, data, messages);
  });

  door.on(contract.eraseConversation, async ({ id, body: { reason }, expected }) => {
    const receipt = await manager.eraseConversation(id, { ...(reason === undefined ? {} : { reason }), ...expected });
    return json({ success: true, receipt });
  });

  door.on(contract.holdConversation, async ({ id, body: { reason }, query: { messages }, expected }) => {
    const data = await manager.hold(id, reason, { messages, ...expected });
    return stateReply({ data }, data, messages);
  });

  door.on(contract.releaseConversation, async ({ id, body: { reason }, query: { messages }, expected }) => {
    const data = await manager.release(id, reason, { messages, ...expected });
    return stateReply({ data }, data, messages);
  });
}
