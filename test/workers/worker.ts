// The Worker that tests in workerd run beside. It answers nothing by itself; what it exports are the classes of the objects that are bound.

import { DurableObject } from "cloudflare:workers";
import { ConversationObjectCore } from "../../src/adapters/durable-objects/conversation-object.ts";
import type { DurableObjectStateLike } from "../../src/adapters/durable-objects/durable-object-state.ts";
import { ConversationManager } from "../../src/core/manager.ts";
import type { HotStore } from "../../src/core/hot-store.ts";
import { ConversationObject as RealConversationObject } from "../../src/runtimes/worker/conversation-object.ts";
import { behind } from "./behind.ts";

/** The real object, with the stores behind it that the test has put there. */
export class ConversationObject extends RealConversationObject {
  protected override openManager(hot: HotStore): ConversationManager {
    behind.alarms++;
    const { archive, directory, records, options } = behind;
    return new ConversationManager({ hot: behind.wrap(hot), archive, directory, records }, options);
  }
}

/** The real object as it is deployed, with the variables and secrets that the test has put there. */
export class DeployedObject extends RealConversationObject {
  constructor(ctx: DurableObjectStateLike, bindings: object) {
    super(ctx, { ...bindings, ...behind.variables });
  }
}

/** An object whose own store can be asked anything by a test. It has no stores behind it. */
export class OpenObject extends DurableObject {
  readonly #core: ConversationObjectCore;

  constructor(ctx: DurableObjectStateLike, bindings: unknown) {
    super(ctx, bindings);
    this.#core = new ConversationObjectCore(ctx, {
      manager: (hot) => new ConversationManager({ hot, archive: null, directory: null, records: null }),
    });
  }

  own(method: keyof HotStore, given: unknown[]): unknown {
    return (this.#core.own[method] as (...given: unknown[]) => unknown)(...given);
  }

  alarm(): Promise<void> {
    return this.#core.alarm();
  }
}

export default {
  fetch(): Response {
    return new Response("This Worker is for tests.", { status: 404 });
  },
};
