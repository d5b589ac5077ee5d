/** Appending to a transcript, and reading it in pages. */
import * as z from "zod";
import type { Message } from "../core/conversation.ts";
import type { State } from "../core/conversations.ts";
import { InvalidInputError } from "../core/errors.ts";
import { getOwn, isJsonObject } from "../core/json.ts";
import { closedObject, query, readBody, type Part } from "./check.ts";
import { BASE, type ContractSettings } from "./contract-settings.ts";
import { jsonValue, wholeNumber } from "./fields.ts";
import { route } from "./route.ts";
import { appended, message, placedMessage, success } from "./shapes.ts";

/** What an append brings. */
export interface Appending {
  messages: Message[];
  state?: State;
}

/** One message, or a batch: that is a body whose `messages` is a list and that has no `role`. */
function appending(batch: number): Part<Appending> {
  const envelope = closedObject({
    messages: z
      .array(message)
      .max(batch, { error: `must hold at most ${batch} messages` })
      .meta({ description: "Empty only with `state`." }),
    state: closedObject({ step: jsonValue().optional(), context: jsonValue().optional(), leadData: jsonValue().optional() })
      .meta({ description: "The chatbot's state. What is given is set whole; what is absent stays." })
      .optional(),
  });
  return {
    schema: z
      .union([message, envelope])
      .meta({ description: "One message, or `messages` and `state` (a body whose `messages` is a list and that has no `role`)." }),
    read(value) {
      if (!isJsonObject(value)) throw new InvalidInputError("The body must be a JSON object: one message, or messages and state");
      if (!Array.isArray(getOwn(value, "messages")) || Object.hasOwn(value, "role")) return { messages: [value] };
      const { messages, state } = readBody(envelope, value);
      return state === undefined ? { messages } : { messages, state };
    },
  };
}

/** The routes of messages. */
export function messageRoutes({ limits }: ContractSettings) {
  const seq = () => wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();
  return {
    appendMessages: route({
      name: "appendMessages",
      method: "POST",
      path: `${BASE}/{id}/messages`,
      tag: "messages",
      summary: "Append messages",
      description: "Durable when it is answered. A message with the `id` and content of a stored one is a repeat, and adds nothing.",
      scopes: ["service", "token"],
      tokenOperation: "append",
      failure: "Failed to append conversation",
      query: query({
        window: wholeNumber(0, limits.window).default(0).meta({ description: "Answer the newest N messages, those just added included." }),
      }),
      body: { ...appending(limits.batch), required: true, bytes: limits.bodyBytes },
      answer: success({ data: appended }),
      idempotencyKey: true,
      ifMatch: true,
      etag: "window",
    }),

    listMessages: route({
      name: "listMessages",
      method: "GET",
      path: `${BASE}/{id}/messages`,
      tag: "messages",
      summary: "Read a transcript in pages",
      scopes: ["service", "token"],
      tokenOperation: "read",
      failure: "Failed to retrieve conversation",
      query: query({
        after: seq().meta({ description: "Only messages with a greater `seq`." }),
        before: seq().meta({ description: "Only messages with a smaller `seq`." }),
        limit: wholeNumber(1, limits.messages).default(limits.messagesDefault),
        order: z.enum(["asc", "desc"], { error: "must be asc or desc" }).default("asc"),
      }),
      answer: success({
        data: z.array(placedMessage),
        nextCursor: z.int().nullable().meta({ description: "The `after` (descending: the `before`) to go on from, or null." }),
      }),
    }),
  };
}
