/** What a command is: data for its help and its parsing, and the function that does it. */
import type { Output } from "./output.ts";

/** An option. With `value`, the placeholder in the help, it takes a text; without, it is a switch. */
export interface Option {
  readonly value?: string;
  /** A letter for it: `n` for `-n`. */
  readonly short?: string;
  /** It may be there several times. */
  readonly many?: true;
  readonly about: string;
}

/** What was typed, already checked against the command's options. */
export interface Input {
  /** What stands beside the options. */
  readonly words: readonly string[];
  /** The text of an option, or undefined. */
  text(name: string): string | undefined;
  /** Every text of an option that may be there several times, in their order. */
  texts(name: string): readonly string[];
  /** Whether a switch is there. */
  has(name: string): boolean;
  /** The whole number of an option, or undefined. Throws `UsageError` if it is none, or less than `least`. */
  number(name: string, least: number): number | undefined;
}

/** One command of `itera`. */
export interface Command {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What stands beside its options, for the help: `[ID]`, `FILE|-`. */
  readonly words: string;
  /** How many words it takes, at least and at most. */
  readonly wordCount: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, Option>>;
  /** Command lines that work, and what they do. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  /** Does it. Answers the exit code; nothing is 0. */
  run(input: Input, output: Output): Promise<number | void>;
}

/** It was typed wrongly: exit code 2. `hint` says what to type instead. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}
