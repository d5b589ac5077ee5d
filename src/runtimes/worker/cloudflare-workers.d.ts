// What is used of the module that only workerd has.

declare module "cloudflare:workers" {
  import type { DurableObjectStateLike } from "../../adapters/durable-objects/durable-object-state.ts";

  /** The base of a class whose public methods can be called from Workers. */
  export abstract class DurableObject<Env = unknown> {
    protected ctx: DurableObjectStateLike;
    protected env: Env;
    constructor(ctx: DurableObjectStateLike, env: Env);
  }

  /** Lets work go on after the answer to the request, cron or alarm that is at work. */
  export function waitUntil(work: Promise<unknown>): void;

  /** The bindings, where no request gives them. */
  export const env: { readonly [name: string]: unknown };
}
