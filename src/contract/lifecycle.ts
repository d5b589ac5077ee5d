/** What moves a conversation through its life: extend, complete, reopen, archive, erase, hold and release. */
import * as z from "zod";
import { body, openObject, query } from "./check.ts";
import { BASE, type ContractSettings } from "./contract-settings.ts";
import { flag, messagesWanted, text } from "./fields.ts";
import { route } from "./route.ts";
import { conversation, conversationAnswer, receipt, success } from "./shapes.ts";

/** "Extension hours must be between 1 and 168 (7 days)"; the days stand there only if they are whole. */
export function extensionRule(maxHours: number): string {
  const days = maxHours / 24;
  return `Extension hours must be between 1 and ${maxHours}${Number.isInteger(days) ? ` (${days} ${days === 1 ? "day" : "days"})` : ""}`;
}

/** The body of an extension: 24 hours, or the maximum if that is less, unless it says otherwise. */
function extension({ limits, maxExtensionHours }: ContractSettings) {
  const rule = { error: extensionRule(maxExtensionHours) };
  const most = Math.max(1, Math.floor(maxExtensionHours));
  return openObject({
    extensionHours: z.int(rule).min(1, rule).max(most, rule).default(Math.min(24, most)),
    reason: text(0, limits.reason).optional(),
  });
}

/** The routes of a life. */
export function lifecycleRoutes(settings: ContractSettings) {
  const { limits } = settings;
  const bytes = limits.bodyBytes;
  const messages = messagesWanted(limits.window)
    .default("all")
    .meta({ description: "How much of the transcript to answer: all, none, or the newest N messages." });
  const common = { tag: "life", query: query({ messages }), answer: conversationAnswer, ifMatch: true, etag: "messages" } as const;
  const nothing = () => body(openObject({}), bytes, "optional");
  const why = () => body(openObject({ reason: text(1, limits.reason) }), bytes, "required");

  return {
    extendConversation: route({
      ...common,
      name: "extendConversation",
      method: "PUT",
      path: `${BASE}/{id}/extend`,
      summary: "Keep a conversation alive for longer",
      description: "Moves the expiry to at least so many hours from now; it never moves back.",
      scopes: ["service", "token"],
      tokenOperation: "extend",
      failure: "Failed to extend conversation",
      body: body(extension(settings), bytes, "optional"),
      answer: success({ data: conversation, extended: z.int().min(1) }),
    }),

    archiveConversation: route({
      ...common,
      name: "archiveConversation",
      method: "DELETE",
      path: `${BASE}/{id}`,
      summary: "Archive a conversation, or wipe it",
      description:
        "`reason` and `preserveData` are taken from the body or from the query. Wiping removes metadata and transcript for good, before the answer.",
      scopes: ["service"],
      elevated: { scopes: ["operator"], when: "`preserveData` is false" },
      failure: "Failed to archive conversation",
      query: query({
        messages,
        reason: text(1, limits.archiveReason).optional(),
        preserveData: flag().meta({ description: "false: wipe." }).optional(),
      }),
      body: body(
        openObject({
          reason: text(1, limits.archiveReason).meta({ description: "Without it `manual`." }).optional(),
          preserveData: z.boolean({ error: "must be true or false" }).meta({ description: "Without it true; false: wipe." }).optional(),
        }),
        bytes,
        "optional",
      ),
      answer: z.union([conversationAnswer, success({ data: z.strictObject({ id: z.string(), status: z.literal("archived") }), receipt })]),
    }),

    completeConversation: route({
      ...common,
      name: "completeConversation",
      method: "POST",
      path: `${BASE}/{id}/complete`,
      summary: "Mark a conversation as completed",
      scopes: ["service"],
      failure: "Failed to complete conversation",
      body: nothing(),
    }),

    reopenConversation: route({
      ...common,
      name: "reopenConversation",
      method: "POST",
      path: `${BASE}/{id}/reopen`,
      summary: "Make a conversation active again",
      scopes: ["operator"],
      failure: "Failed to reopen conversation",
      body: nothing(),
    }),

    eraseConversation: route({
      name: "eraseConversation",
      method: "POST",
      path: `${BASE}/{id}/erase`,
      tag: "life",
      summary: "Erase a conversation",
      description: "A person's right to be forgotten: only a tombstone stays, and reading it answers 410.",
      scopes: ["operator"],
      failure: "Failed to erase conversation",
      body: body(openObject({ reason: text(0, limits.reason).optional() }), bytes, "optional"),
      answer: success({ receipt }),
      ifMatch: true,
    }),

    holdConversation: route({
      ...common,
      name: "holdConversation",
      method: "POST",
      path: `${BASE}/{id}/hold`,
      summary: "Put a conversation under a legal hold",
      description: "Until it is released it cannot be wiped, erased or purged.",
      scopes: ["admin"],
      failure: "Failed to hold conversation",
      body: why(),
    }),

    releaseConversation: route({
      ...common,
      name: "releaseConversation",
      method: "POST",
      path: `${BASE}/{id}/release`,
      summary: "Release a conversation from its legal hold",
      scopes: ["admin"],
      failure: "Failed to release conversation",
      body: why(),
    }),
  };
}
