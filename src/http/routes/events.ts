/** What happened to a conversation. */
import type { Contract } from "../../contract/index.ts";
import type { Conversations } from "../../core/conversations.ts";
import type { Cursors } from "../cursors.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";

/** Puts the route in. */
export function addEventRoutes(door: Door, contract: Contract, manager: Conversations, cursors: Cursors): void {
  door.on(contract.listEvents, async ({ id, query: { limit, cursor } }) => {
    const scope = `events ${id}`;
    const page = await manager.events(id, { limit, ...(cursor === undefined ? {} : { cursor: await cursors.open(cursor, scope) }) });
    return json({ success: true, data: page.data, nextCursor: await cursors.seal(page.nextCursor, scope) });
  });
}
