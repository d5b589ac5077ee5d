/** Chatbot sessions over any manager. */
export { createSessionStore, type SessionStore, type SessionStoreOptions } from "./session-store.ts";
export type { Session } from "./session.ts";
export type { BareSessions } from "./bare-sessions.ts";
