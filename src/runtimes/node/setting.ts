/** What a configuration variable is: its name, its default, how its text is read, and what an operator should know of it. */

/** Thrown by a reader: what is wrong with the text, and what would be right. Both are parts of one sentence for operators. */
export class BadValue extends Error {
  readonly right: string;
  constructor(wrong: string, right: string) {
    super(wrong);
    this.name = "BadValue";
    this.right = right;
  }
}

/** What is said when a value asks for something that is not there yet. */
interface Unsupported {
  readonly how: "refuse" | "warn";
  readonly wrong: string;
  readonly right: string;
}

/** One variable. `T` is what its text becomes; `absent` is what it is when it is neither set nor has a default. */
export interface Setting<T> {
  readonly name: string;
  /** Other names of the same variable. */
  readonly aliases: readonly string[];
  /** As text, the way it would be set; undefined: none. */
  readonly default: string | undefined;
  /** Reads a text that is set. Throws `BadValue`. */
  readonly read: (text: string) => T;
  readonly absent: T;
  /** What it means, for `.env.example`: one line. */
  readonly about: string;
  /** For `.env.example`: a value that would be accepted, where the default shows none; empty: the default is not to be set there. */
  readonly example: string | undefined;
  /** Its text must never be shown, not even a part of it. */
  readonly secret: boolean;
  /** This version does not do what a set value asks for. `refuse`: nothing starts; `warn`: it has no effect, and the log says so. */
  readonly unsupported: (Unsupported & { readonly when: (value: T) => boolean }) | undefined;
}

/** What may be left out of a setting when it is written down. */
interface Written<T> {
  aliases?: readonly string[];
  default?: string;
  read: (text: string) => T;
  about: string;
  example?: string;
  secret?: true;
  unsupported?: Unsupported & { when?: (value: T) => boolean };
}

function complete<T>(name: string, written: Written<T>, absent: T): Setting<T> {
  const { unsupported } = written;
  return {
    name,
    aliases: written.aliases ?? [],
    default: written.default,
    read: written.read,
    absent,
    about: written.about,
    example: written.example,
    secret: written.secret ?? false,
    unsupported: unsupported && { when: () => true, ...unsupported },
  };
}

/** A variable that always has a value: what is set, else its default. */
export function setting<T>(name: string, written: Written<T> & { default: string }): Setting<T> {
  return complete(name, written, written.read(written.default));
}

/** A variable that may have none; then it is null. */
export function optional<T>(
  name: string,
  written: Omit<Written<T>, "default" | "unsupported"> & Pick<Written<T | null>, "unsupported">,
): Setting<T | null> {
  return complete<T | null>(name, written, null);
}
