/** Statistics. */
import type { Contract } from "../../contract/index.ts";
import type { Conversations } from "../../core/conversations.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";

/** Puts the route in. */
export function addAnalyticsRoutes(door: Door, contract: Contract, manager: Conversations): void {
  door.on(contract.analytics, async ({ query: { from, to } }) => {
    const data = await manager.analytics({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
    return json({ success: true, data });
  });
}
