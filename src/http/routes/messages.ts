/** Appending to a transcript, and reading it in pages. */
import type { Contract } from "../../contract/index.ts";
import type { Conversations } from "../../core/conversations.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";
import { stateReply } from "../state-reply.ts";

/** Puts the routes in. */
export function addMessageRoutes(door: Door, contract: Contract, manager: Conversations): void {
  door.on(contract.appendMessages, async ({ id, body: { messages, state }, query: { window }, expected, once }) => {
    const data = await manager.appendMessages(id, messages, { ...(state === undefined ? {} : { state }), window, ...expected, ...once });
    return stateReply({ data }, data, window);
  });

  door.on(contract.listMessages, async ({ id, query: { after, before, limit, order } }) => {
    const page = await manager.listMessages(id, {
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
      limit,
      order,
    });
    return json({ success: true, ...page });
  });
}
