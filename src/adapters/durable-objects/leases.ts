/**
 * What somebody is at work on, by name, and until when. Kept in memory: whoever holds a lease works inside the object, and
 * ends with it.
 */
export class Leases {
  readonly #until = new Map<string, number>();

  /** Whether nobody has it. */
  isFree(name: string, now: number): boolean {
    return (this.#until.get(name) ?? 0) <= now;
  }

  /** Takes it. */
  take(name: string, until: number): void {
    this.#until.set(name, until);
  }

  /** Gives it back. */
  release(name: string): void {
    this.#until.delete(name);
  }

  /** Gives everything back. */
  clear(): void {
    this.#until.clear();
  }
}
