// What is used of the module that the tests in workerd have.

declare module "cloudflare:test" {
  import type { ConversationObject } from "./worker.ts";
  import type { TestedState } from "./tested-state.ts";

  export function runInDurableObject<T>(stub: object, work: (object: ConversationObject, state: TestedState) => T | Promise<T>): Promise<T>;
  export function runDurableObjectAlarm(stub: object): Promise<boolean>;
  export function evictDurableObject(stub: object): Promise<void>;
  export function reset(): Promise<void>;
}
