/** The front door: conversation IDs, the manager over any stores, its errors, chatbot sessions, and the names that older code knows. Runs anywhere. */
export { ConversationIDGenerator, createIdGenerator, type Environment, type IdGenerator, type ParsedId } from "./core/id.ts";
export { ConversationManager } from "./core/manager.ts";
export type { ManagerOptions } from "./core/settings.ts";
export type { Conversation, DirectoryEntry, Message } from "./core/conversation.ts";
export type * from "./core/conversations.ts";
export * from "./core/errors.ts";
export { DEFAULT_LIMITS, type Limits } from "./core/limits.ts";
export type { Json, JsonObject } from "./core/json.ts";
export type { Archive, Erasure, PurgeResult } from "./core/archive.ts";
export type { DayCount, Directory, DirectoryPage, DirectoryQuery, RecordedEvent, SearchText } from "./core/directory.ts";
export type { Head, LifecycleEvent, NewMessage, SessionState, Status, StoredMessage, Whole } from "./core/head.ts";
export type { Change, Committed, HotCapabilities, HotStore, Once, OutboxItem, Placed, Requirement } from "./core/hot-store.ts";
export type { Records, StoredRecord } from "./core/records.ts";
export type { MessagePage, Store } from "./core/store.ts";
export type { Stores } from "./core/stores.ts";
export { applyChange, takesEffect, type Applied } from "./core/apply-change.ts";
export type { ExportLine, ImportLine, ImportResult } from "./core/transfer.ts";
export {
  ConversationStorageManager,
  type ClassicOptions,
  type KVNamespaceLike,
  type QueryLike,
} from "./classic/conversation-storage-manager.ts";
export { ConversationRoutes, type ConversationRoutesOptions } from "./classic/conversation-routes.ts";
export { getOrCreateSession, saveSession, type SessionEnv } from "./classic/sessions.ts";
export { createSessionStore, type BareSessions, type Session, type SessionStore, type SessionStoreOptions } from "./sessions/index.ts";
