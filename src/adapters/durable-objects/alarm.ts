/** The one alarm of an object. */
import type { DurableObjectStateLike } from "./durable-object-state.ts";

/** Knows for when the alarm is set, so that most writes need not set it. */
export class ObjectAlarm {
  readonly #storage: DurableObjectStateLike["storage"];
  #at: number | null = null;

  constructor(storage: DurableObjectStateLike["storage"]) {
    this.#storage = storage;
  }

  /** Asks the platform. To be awaited before anything else happens in the object. */
  async load(): Promise<void> {
    this.#at = await this.#storage.getAlarm();
  }

  /** For when it is set; null: it is not. */
  get at(): number | null {
    return this.#at;
  }

  /** It goes off at this time or before. */
  async atLatest(at: number): Promise<void> {
    if (this.#at === null || at < this.#at) await this.set(at);
  }

  /** It goes off at this time. */
  async set(at: number): Promise<void> {
    this.#at = at;
    await this.#storage.setAlarm(at);
  }

  /** It does not go off. */
  async clear(): Promise<void> {
    this.#at = null;
    await this.#storage.deleteAlarm();
  }

  /** It is not set any more: it went off, or everything was dropped. */
  forget(): void {
    this.#at = null;
  }
}
