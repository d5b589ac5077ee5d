/**
 * What a Worker of one's own is made of. Importing it also lets `getOrCreateSession` and `saveSession` find the conversations that the
 * bindings of `env` lead to, be they in objects, in D1 or behind Hyperdrive, and store everything sealed if `env` has a key.
 */
import "./d1.ts";
import { openBindingsWith, type OpenBindings } from "../../classic/bindings.ts";
import { sealedValues } from "../../security/encryption/sealed-values.ts";
import { checkSetting } from "../check-settings.ts";
import { variablesOf, type Env } from "./env.ts";
import { services } from "./services.ts";

export { ConversationObject } from "./conversation-object.ts";
export { createWorker, type ConversationWorker } from "./create-worker.ts";
export type { AssetsLike, Env, HyperdriveLike, Scheduled, WorkerContext } from "./env.ts";

const openBindings: OpenBindings = async (env) => {
  const { manager, settings, log } = await services.of(env as Env);
  return {
    manager,
    maxSessionDurationSeconds: settings.maxSessionSeconds,
    resumeHours: settings.resumeHours,
    ...(settings.legacySessions === null ? {} : { legacySessionPattern: settings.legacySessions }),
    onError: (error, during) => log.error({ err: error, during }, "a session met a failure and went on"),
  };
};

openBindingsWith(openBindings, (env, bare) => {
  const keys = checkSetting("encryptionKeys", variablesOf(env as Env));
  return keys && keys.length > 0 ? sealedValues(bare, keys) : bare;
});
