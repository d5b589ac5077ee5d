/** What the token of one conversation can allow, and for how long. */

/** Reading and following, adding messages, extending, and getting a new token for the same. */
export type TokenOperation = "read" | "append" | "extend" | "renew";

/** All of them: what a chat widget needs. */
export const TOKEN_OPERATIONS: readonly TokenOperation[] = ["read", "append", "extend", "renew"];

/** How long a token lasts, in seconds. */
export const TOKEN_SECONDS = { default: 3600, min: 60, max: 86_400 } as const;
