/**
 * What a Worker of one's own is made of. Importing it also lets `getOrCreateSession` and `saveSession` find the conversations that the
 * bindings of `env` lead to, be they in objects, in D1 or behind Hyperdrive.
 */
import { openBindingsWith } from "../../classic/bindings.ts";
import type { Env } from "./env.ts";
import { services } from "./services.ts";

export { ConversationObject } from "./conversation-object.ts";
export { createWorker, type ConversationWorker } from "./create-worker.ts";
export type { AssetsLike, Env, HyperdriveLike, Scheduled, WorkerContext } from "./env.ts";

openBindingsWith(async (env) => {
  const { manager, settings, log } = await services.of(env as Env);
  return {
    manager,
    maxSessionDurationSeconds: settings.maxSessionSeconds,
    resumeHours: settings.resumeHours,
    ...(settings.legacySessions === null ? {} : { legacySessionPattern: settings.legacySessions }),
    onError: (error, during) => log.error({ err: error, during }, "a session met a failure and went on"),
  };
});
