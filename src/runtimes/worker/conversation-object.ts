/** The class of the objects that `CONVERSATIONS` binds: what the platform calls, around the body in the adapter. */
import { DurableObject } from "cloudflare:workers";
import type { AnyObjectLike } from "../../adapters/durable-objects/any-object.ts";
import { ConversationObjectCore } from "../../adapters/durable-objects/conversation-object.ts";
import type { DurableObjectStateLike } from "../../adapters/durable-objects/durable-object-state.ts";
import type { HotStore } from "../../core/hot-store.ts";
import type { ConversationManager } from "../../core/manager.ts";
import { duringRequest } from "./behind.ts";
import type { Env } from "./env.ts";
import { createLog } from "./log.ts";
import { objectManager } from "./open-manager.ts";

type Arguments<Method extends keyof AnyObjectLike> = Parameters<AnyObjectLike[Method]>;
type Answer<Method extends keyof AnyObjectLike> = ReturnType<AnyObjectLike[Method]>;

/**
 * The object of one conversation, named by its ID, or one of those in which the service keeps keys and counts requests. Export it from the Worker's main module, and list it under `new_sqlite_classes`.
 *
 * @example
 * export { ConversationObject } from "itera-conversations/worker";
 */
export class ConversationObject extends DurableObject<Env> implements AnyObjectLike {
  readonly #core: ConversationObjectCore;

  constructor(ctx: DurableObjectStateLike, env: Env) {
    super(ctx, env);
    this.#core = new ConversationObjectCore(ctx, {
      manager: (hot) => this.openManager(hot),
      onError: (error, during) => createLog("info").error({ err: error, during }, "failed off the request path"),
    });
  }

  /** The manager with which the alarm works. Override it to keep what is over somewhere else. */
  protected openManager(hot: HotStore): ConversationManager | Promise<ConversationManager> {
    return objectManager(this.env, hot);
  }

  read(...given: Arguments<"read">): Answer<"read"> {
    return this.#core.read(...given);
  }

  messages(...given: Arguments<"messages">): Answer<"messages"> {
    return this.#core.messages(...given);
  }

  create(...given: Arguments<"create">): Answer<"create"> {
    return this.#core.create(...given);
  }

  commit(...given: Arguments<"commit">): Answer<"commit"> {
    return this.#core.commit(...given);
  }

  remove(...given: Arguments<"remove">): Answer<"remove"> {
    return this.#core.remove(...given);
  }

  now(): Answer<"now"> {
    return this.#core.now();
  }

  getRecord(...given: Arguments<"getRecord">): Answer<"getRecord"> {
    return this.#core.records.getRecord(...given);
  }

  putRecord(...given: Arguments<"putRecord">): Answer<"putRecord"> {
    return this.#core.records.putRecord(...given);
  }

  listRecords(...given: Arguments<"listRecords">): Answer<"listRecords"> {
    return this.#core.records.listRecords(...given);
  }

  removeRecord(...given: Arguments<"removeRecord">): Answer<"removeRecord"> {
    return this.#core.records.removeRecord(...given);
  }

  forgetRecords(...given: Arguments<"forgetRecords">): Answer<"forgetRecords"> {
    return this.#core.records.forgetRecords(...given);
  }

  takeRate(...given: Arguments<"takeRate">): Answer<"takeRate"> {
    return this.#core.rates.takeRate(...given);
  }

  async alarm(): Promise<void> {
    const ending: Promise<unknown>[] = [];
    await duringRequest(this.env, { waitUntil: (work) => void ending.push(work) }, () => this.#core.alarm());
    await Promise.all(ending);
  }
}
