/** Creating, reading, updating and listing conversations. */
import * as z from "zod";
import { STATUSES } from "../core/head.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { InvalidInputError } from "../core/errors.ts";
import { body, openObject, query, type Part } from "./check.ts";
import { BASE, type ContractSettings } from "./contract-settings.ts";
import { dateOrTime, environment, flag, jsonObject, messagesWanted, text, wholeNumber, wordList } from "./fields.ts";
import { route } from "./route.ts";
import { conversation, conversationAnswer, directoryEntry, message, success } from "./shapes.ts";

/** The longest search. */
const SEARCH_LENGTH = 200;

/** The body of an update: the rules are the manager's, since they depend on what is stored. */
const update: Part<JsonObject> = {
  schema: z
    .looseObject({
      metadata: jsonObject()
        .meta({ type: "object", description: "A merge patch (RFC 7396); `context`, `step` and `leadData` are set whole." })
        .optional(),
      messages: z.array(message).meta({ description: "The whole transcript." }).optional(),
      status: z.enum(STATUSES).meta({ description: "`active` or `completed`, or what is stored." }).optional(),
      messageCount: z.int().min(0).optional(),
    })
    .meta({
      description: "Any other field must equal what is stored, so that a conversation can be read, changed and written back whole.",
    }),
  read(value) {
    if (!isJsonObject(value)) throw new InvalidInputError("The body must be a JSON object");
    return value;
  },
};

/** The routes of conversations. */
export function conversationRoutes({ limits }: ContractSettings) {
  const messages = messagesWanted(limits.window)
    .default("all")
    .meta({ description: "How much of the transcript to answer: all, none, or the newest N messages." });
  const newConversation = openObject({
    userAgent: text(0, limits.userAgent)
      .nullable()
      .meta({ description: "The visitor's browser; without it the header User-Agent." })
      .optional(),
    source: text(0, limits.source).nullable().meta({ description: "Where the chat comes from; without it `api`." }).optional(),
    initialContext: jsonObject()
      .meta({ type: "object", description: "Further metadata. `source`, `userAgent` and `clientIP` in it do not count." })
      .nullable()
      .optional(),
  });

  return {
    createConversation: route({
      name: "createConversation",
      method: "POST",
      path: BASE,
      tag: "conversations",
      summary: "Create a conversation",
      scopes: ["service", "site"],
      failure: "Failed to create conversation",
      body: body(newConversation, limits.bodyBytes, "optional"),
      answer: success({
        conversationId: z.string(),
        data: conversation,
        token: z.string().optional().meta({ description: "With a site key: what the browser then holds for this conversation." }),
      }),
      idempotencyKey: true,
      etag: "messages",
    }),

    getConversation: route({
      name: "getConversation",
      method: "GET",
      path: `${BASE}/{id}`,
      tag: "conversations",
      summary: "Read a conversation",
      description: "Counts as access, which keeps the conversation alive, unless `touch=false`.",
      scopes: ["service", "token"],
      tokenOperation: "read",
      failure: "Failed to retrieve conversation",
      query: query({ messages, touch: flag().default(true).meta({ description: "false: without any side effect." }) }),
      answer: conversationAnswer,
      alsoAnswers: { 304: { description: "Nothing has changed." } },
      ifNoneMatch: true,
      etag: "messages",
    }),

    updateConversation: route({
      name: "updateConversation",
      method: "PUT",
      path: `${BASE}/{id}`,
      tag: "conversations",
      summary: "Update metadata, transcript or status",
      scopes: ["service"],
      failure: "Failed to update conversation",
      query: query({ messages }),
      body: { ...update, required: true, bytes: limits.wholeBodyBytes },
      answer: conversationAnswer,
      ifMatch: true,
      etag: "messages",
    }),

    listConversations: route({
      name: "listConversations",
      method: "GET",
      path: BASE,
      tag: "conversations",
      summary: "List and search conversations",
      description: "Newest first, each once.",
      scopes: ["operator"],
      failure: "Failed to list conversation",
      query: query({
        status: wordList(STATUSES).meta({ description: "Stored statuses; `deleted` ones are listed only when asked for." }).optional(),
        source: text(1, limits.source).optional(),
        environment: environment().optional(),
        from: dateOrTime().meta({ description: "Created then or later." }).optional(),
        to: dateOrTime().meta({ description: "Created before." }).optional(),
        q: text(1, SEARCH_LENGTH).meta({ description: "Words that were said, all of them." }).optional(),
        limit: wholeNumber(1, limits.list).default(limits.listDefault),
        cursor: text(1, 512).meta({ description: "`nextCursor` of the page before, with the same filters." }).optional(),
      }),
      answer: success({ data: z.array(directoryEntry), nextCursor: z.string().nullable() }),
      errors: ["not_supported"],
    }),
  };
}
