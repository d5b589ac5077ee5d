// A Lua script as it is sent: by the SHA-1 of its text, and whole where a server does not know it yet.

/** A script with its digest. */
export interface Script {
  readonly text: string;
  /** As hexadecimal digits. */
  readonly sha: string;
}

/** Makes a script of its text. */
export async function scriptOf(text: string): Promise<Script> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  const sha = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { text, sha };
}
