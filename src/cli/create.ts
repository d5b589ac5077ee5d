/** `itera create`: a new conversation. It prints the ID alone. */
import type { Message } from "../core/conversation.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { UsageError, type Command } from "./command.ts";
import { passOn } from "./pass-on.ts";
import { withManager } from "./with-manager.ts";

/** The source of what is created here, unless another is given. */
const SOURCE = "cli";

/** The command. */
export const createCommand: Command = {
  name: "create",
  summary: "Create a conversation; prints its ID",
  words: "",
  wordCount: [0, 0],
  options: {
    source: { value: "NAME", about: `Where the chat comes from (default ${SOURCE})` },
    metadata: { value: "JSON", about: "What is known of it, a JSON object" },
    message: {
      value: "TEXT|JSON",
      many: true,
      about: "What was said: a visitor's text, or a message as a JSON object; may be repeated, oldest first",
    },
  },
  examples: [
    ["id=$(itera create)", "an empty conversation; its ID is kept for the next commands"],
    [`itera create --source phone --metadata '{"email":"anna@example.com"}'`, "with a source and metadata"],
    [
      `itera create --message "La stampante non va" --message '{"role":"assistant","content":"Spenga e riaccenda."}'`,
      "with a visitor's message and the answer to it",
    ],
  ],
  async run(input, output) {
    const [given, source] = [input.text("metadata"), input.text("source")];
    const metadata: JsonObject = {
      source: SOURCE,
      ...(given !== undefined && parseObject(given, "--metadata")),
      ...(source !== undefined && { source }),
    };
    const messages = input.texts("message").map(messageOf);
    await withManager(output, true, async (manager) => {
      const data = await manager.createConversation({ metadata, messages });
      await passOn(manager, output);
      await (output.json ? output.object({ success: true, conversationId: data.id, data }) : output.line(data.id));
    });
  },
};

function parseObject(text: string, option: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below: it is no JSON.
  }
  if (!isJsonObject(value)) throw new UsageError(`${option} must be a JSON object`, `Such as: ${option} '{"email":"anna@example.com"}'`);
  return value;
}

function messageOf(text: string): Message {
  if (!text.trimStart().startsWith("{")) return { role: "user", content: text };
  try {
    return JSON.parse(text) as Message;
  } catch {
    throw new UsageError("--message begins like a JSON object and is none", `Such as: --message '{"role":"user","content":"{ciao}"}'`);
  }
}
