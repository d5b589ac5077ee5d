// A text that is looked for in everything that is stored: whoever finds it has found what was said.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import type { ConversationManager } from "../../src/core/manager.ts";

/** Everything that the files below a folder hold, of which the path fits. A file that goes meanwhile held nothing that stays. */
export function filesBelow(folder: string, fits: (path: string) => boolean = () => true): string {
  const parts: string[] = [];
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    try {
      if (fits(path) && statSync(path).isFile()) parts.push(readFileSync(path, "latin1"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return parts.join("\n");
}

/** Every row of every table of the schema that a client sees, as text. */
export async function everyRow(client: Pick<Client, "query">): Promise<string> {
  const { rows: tables } = await client.query<{ name: string }>(
    "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'",
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    parts.push(...rows.map(({ row }) => row));
  }
  return parts.join("\n");
}

/** A conversation that holds the canary wherever something can be held, with idempotency entries. Answers its ID. */
export async function sayEverywhere(manager: ConversationManager, canary: string, key: string): Promise<string> {
  const { id } = await manager.createConversation(
    {
      metadata: { source: "web", email: `${canary}@example.com`, note: canary },
      messages: [{ role: "user", content: `${canary} ${"x".repeat(3000)}` }],
    },
    { idempotencyKey: `${key}-c` },
  );
  const state = { context: { said: canary }, step: canary, leadData: { phone: canary } };
  await manager.appendMessages(id, [{ id: "m1", role: "assistant", content: canary }], { state, idempotencyKey: `${key}-a` });
  await manager.updateConversation(id, { metadata: { more: canary } });
  return id;
}
