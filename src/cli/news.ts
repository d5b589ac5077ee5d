/** Messages and events on their way to somebody who follows conversations. */
import type { Message } from "../core/conversation.ts";
import type { Json } from "../core/json.ts";

/** A message or an event, as the API answers it, with its conversation. Times are ISO 8601. */
export type News = { id: string } & (
  | { seq: number; storedAt: string; message: Message }
  | { event: string; at: string; details: { [key: string]: Json } }
);

/** Puts news in the order of time; of those of one time the order stays. */
export function inTime(news: readonly News[]): News[] {
  const time = (each: News): string => ("event" in each ? each.at : each.storedAt);
  return news.toSorted((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0));
}
