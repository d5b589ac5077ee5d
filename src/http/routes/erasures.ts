/** Erasing all that is kept of a person. */
import type { Contract } from "../../contract/index.ts";
import type { Conversations } from "../../core/conversations.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";

/** Puts the route in. */
export function addErasureRoutes(door: Door, contract: Contract, manager: Conversations): void {
  door.on(contract.eraseSubject, async ({ body }) => json({ success: true, receipts: await manager.eraseSubject(body) }));
}
