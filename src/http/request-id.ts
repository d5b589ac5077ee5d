/** The name of a request in answers and logs. */

/** The caller's `x-request-id` if it is at most 128 of `[A-Za-z0-9._-]`, else a new one. */
export function requestIdOf(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : crypto.randomUUID();
}
