// Does one run over one store, and compares the manager with the model: after every command, and at the end as a whole.

import type { Command, Run } from "./command.ts";
import { doAppend, doRead, doUpdate, doVerb, doWriteBack } from "./do-conversation.ts";
import { doAnalytics, doEvents, doList, doMessages } from "./do-lists.ts";
import { doCreate, doImport } from "./do-new.ts";
import { doCleanup, doDeliver, doEraseSubject, doPurge, doSweep } from "./do-service.ts";
import { checkWhole } from "./check-whole.ts";
import type { Intercept } from "./intercept.ts";
import { iso } from "./model-conversation.ts";
import { World } from "./model-world.ts";
import { Session } from "./session.ts";
import type { StoreUnderTest } from "./stores-under-test.ts";

async function doCommand(session: Session, command: Command): Promise<unknown> {
  switch (command.do) {
    case "create":
      return doCreate(session, command);
    case "append":
      return doAppend(session, command);
    case "update":
      return doUpdate(session, command);
    case "write-back":
      return doWriteBack(session, command);
    case "read":
      return doRead(session, command);
    case "complete":
    case "reopen":
    case "extend":
    case "archive":
    case "erase":
    case "hold":
    case "release":
      return doVerb(session, command);
    case "import":
      return doImport(session, command);
    case "list":
      return doList(session, command);
    case "messages":
      return doMessages(session, command);
    case "events":
      return doEvents(session, command);
    case "analytics":
      return doAnalytics(session, command);
    case "erase-subject":
      return doEraseSubject(session, command);
    case "sweep":
      return doSweep(session, command);
    case "deliver":
      return doDeliver(session, command);
    case "purge":
      return doPurge(session, command);
    case "cleanup":
      return doCleanup(session, command);
    case "advance":
      return pass(session, command.ms, command.sweeps);
    case "restart":
      return session.restart();
    case "retry":
      return session.resends.at(-1 - command.ago)?.(command.fault);
  }
}

/** Time passes, as over a server that sweeps now and then. */
async function pass(session: Session, ms: number, sweeps: number): Promise<void> {
  if (sweeps === 0) session.world.now += ms;
  for (let i = 0; i < sweeps; i++) {
    session.world.now += Math.ceil(ms / sweeps);
    await doSweep(session, { do: "sweep", dryRun: false });
  }
}

/** Runs all commands; throws at the first disagreement, with everything that led to it. `breakage` breaks a rule on purpose. */
export async function runCommands(run: Run, under: StoreUnderTest, breakage?: Intercept): Promise<void> {
  const world = new World(run.rules);
  const opened = await under.open(() => world.now);
  const session = new Session(run, opened, world, under.together, breakage);
  let passed = false;
  try {
    for (const [i, command] of run.commands.entries()) {
      session.note(`${i + 1}. ${iso(world.now)} ${JSON.stringify(command)}`);
      await doCommand(session, command);
    }
    session.note("at the end");
    await checkWhole(
      session,
      run.commands.some((command) => command.do === "restart"),
    );
    passed = true;
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`${under.name}: ${what}\n${session.trace.join("\n")}`, { cause: error });
  } finally {
    await opened.dispose(passed);
  }
}
