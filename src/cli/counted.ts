/** A number with what it counts. */

/** `1 message`, `2 messages`; another plural than with an s is given. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
