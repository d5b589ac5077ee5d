// Conversations in every state that there is, for tests of what must hold for all of them.

import { readFileSync } from "node:fs";
import type { ConversationManager } from "../src/core/manager.ts";
import type { ImportLine } from "../src/core/transfer.ts";

const SAMPLES = new URL("../examples/sample-chats.ndjson", import.meta.url);

/** One of each kind, by what became of it. */
export interface Varied {
  readonly active: string;
  readonly completed: string;
  readonly archived: string;
  readonly reopened: string;
  readonly held: string;
  readonly wiped: string;
  readonly erased: string;
}

/** Makes them, imported chats beside them, and passes everything on. */
export async function varyConversations(manager: ConversationManager): Promise<Varied> {
  for (const line of readFileSync(SAMPLES, "utf8").split("\n").filter(Boolean)) {
    await manager.importConversation(JSON.parse(line) as ImportLine);
  }
  const make = async (name: string): Promise<string> => {
    const { id } = await manager.createConversation({
      metadata: { source: "shop", email: `${name}@example.com`, nested: { b: [1.5, null], a: "è" } },
    });
    await manager.appendMessages(
      id,
      [
        { role: "user", content: `La stampante di ${name} 😀\n"non" va`, id: `${name}-1` },
        { role: "assistant", content: "Spenga il server e riaccenda.", tokens: 1e21, parts: [{ text: "x" }] },
      ],
      { state: { step: "matter", context: { turns: 1 }, leadData: { phone: "+39 02 1234567" } } },
    );
    return id;
  };
  const varied: Varied = {
    active: await make("anna"),
    completed: await make("bruno"),
    archived: await make("carla"),
    reopened: await make("dario"),
    held: await make("elena"),
    wiped: await make("fabio"),
    erased: await make("gina"),
  };
  await manager.getConversation(varied.active);
  await manager.extendConversation(varied.active, 48, "later");
  await manager.completeConversation(varied.completed);
  await manager.archiveConversation(varied.archived, "resolved");
  await manager.archiveConversation(varied.reopened);
  await manager.reopenConversation(varied.reopened);
  await manager.archiveConversation(varied.held);
  await manager.hold(varied.held, "court");
  await manager.archiveConversation(varied.wiped, "privacy", { preserveData: false });
  await manager.eraseConversation(varied.erased);
  await manager.deliver();
  return varied;
}
