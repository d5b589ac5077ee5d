// The whole observable state at the end of a run, when everything has been passed on and moved.

import type { ExportLine } from "../../src/core/transfer.ts";
import { WORDS } from "./arbitrary-values.ts";
import { doEvents, doList, doMessages } from "./do-lists.ts";
import { doDeliver, doSweep } from "./do-service.ts";
import { difference } from "./difference.ts";
import { DAY, iso, view } from "./model-conversation.ts";
import type { Session } from "./session.ts";

/** Compares everything with the model, now and (after a restart, if `restarts`) a day later. */
export async function checkWhole(session: Session, restarts: boolean): Promise<void> {
  const { world } = session;
  world.now += 61_000;
  await doSweep(session, { do: "sweep", dryRun: false });
  await doDeliver(session, { do: "deliver" });
  await lookAtAll(session);
  if (restarts) await session.restart();
  // What is over leaves the hot store, and looks the same afterwards.
  world.now += DAY;
  await doSweep(session, { do: "sweep", dryRun: false });
  await checkPlaces(session);
  await lookAtAll(session);
  for (const words of WORDS) await doList(session, { do: "list", words, deliverFirst: false });
  await checkExport(session);
}

async function lookAtAll(session: Session): Promise<void> {
  const { world } = session;
  for (const c of world.conversations.values()) await session.check(c);
  for (let on = 0; on < world.ids.length; on++) {
    await doMessages(session, { do: "messages", on, limit: 1000 });
    await doEvents(session, { on });
  }
  await doList(session, { do: "list", status: ["active", "completed", "archived", "deleted"], deliverFirst: true });
}

/** Everything is readable in one place at least, and what is over in the archive alone. */
async function checkPlaces(session: Session): Promise<void> {
  const { stores, world } = session;
  const hot = await stores.hot.scan(null, 1000);
  const over = (await stores.archive?.scan(null, 1000)) ?? [];
  const lingering = hot.find(
    ({ status, archivedAt }) => (status === "archived" || status === "deleted") && (archivedAt ?? 0) <= world.now - DAY,
  );
  if (lingering) session.fail(`${lingering.id} is ${lingering.status} since ${iso(lingering.archivedAt ?? 0)}, and still in the hot store`);
  const found = difference(
    [...world.conversations.keys()].toSorted(),
    [...new Set([...hot, ...over].map(({ id }) => id))].toSorted(),
    "the IDs in the stores",
  );
  if (found) session.fail(found);
}

async function checkExport(session: Session): Promise<void> {
  const { world } = session;
  const lines: ExportLine[] = [];
  for await (const line of session.manager.exportConversations()) lines.push(line);
  const expected = [...world.conversations.values()]
    .filter(({ wiped }) => !wiped)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((c) => ({
      ...view(c, -Infinity),
      source: c.source,
      environment: c.id.slice(-1),
      times: c.messages.map(({ storedAt }) => iso(storedAt)),
    }));
  const found = difference(expected, lines, "the export");
  if (found) session.fail(found);
}
