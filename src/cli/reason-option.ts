/** A reason that must be given. */
import { UsageError, type Input, type Option } from "./command.ts";

/** The option. */
export const REASON: Readonly<Record<"reason", Option>> = { reason: { value: "TEXT", about: "Why; needed, and kept in its events" } };

/** The reason. Throws `UsageError` without one. */
export function neededReason(input: Input, command: string): string {
  const reason = input.text("reason")?.trim();
  if (!reason) throw new UsageError(`itera ${command} needs --reason TEXT`, `See: itera ${command} --help`);
  return reason;
}
