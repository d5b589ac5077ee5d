/** What destroys asks first where a person is there, and needs `--yes` where nobody is. */
import type { Input, Option } from "./command.ts";
import type { Output } from "./output.ts";

/** The option with which nothing is asked. */
export const YES: Readonly<Record<"yes", Option>> = { yes: { about: "Do it without asking" } };

/** What would be lost for good. */
export interface Loss {
  /** The beginning of a sentence: `Erasing ITERA_…`. */
  readonly deed: string;
  /** What it removes, with counts. */
  readonly removes: string;
  /** The same for programs. */
  readonly details: Readonly<Record<string, number>>;
}

/** Nobody has confirmed what destroys: exit code 4. `hint` says how it is done. */
export class NotConfirmedError extends Error {
  readonly details: Loss["details"];
  readonly hint: string | undefined;
  constructor(message: string, details: Loss["details"], hint?: string) {
    super(message);
    this.name = "NotConfirmedError";
    this.details = details;
    this.hint = hint;
  }
}

/** Goes on if it is confirmed, by `--yes` or by a person who was shown what would be lost; else throws `NotConfirmedError`. */
export async function confirm(input: Input, output: Output, { deed, removes, details }: Loss): Promise<void> {
  if (input.has("yes")) return;
  const answer = await output.ask(`${deed} removes ${removes} for good.\nType yes to go on: `);
  if (answer === null) {
    throw new NotConfirmedError(
      `${deed} removes ${removes} for good, and nobody has confirmed it. Nothing was changed.`,
      details,
      "Add --yes to do it, or run it on a terminal, where it asks.",
    );
  }
  if (answer.trim().toLowerCase() !== "yes") throw new NotConfirmedError("It was not confirmed. Nothing was changed.", details);
}
