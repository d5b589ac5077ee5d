/** What commands that change one conversation have in common: change, pass on, answer. */
import type { Messages } from "../core/conversations.ts";
import type { ConversationManager } from "../core/manager.ts";
import type { Input } from "./command.ts";
import { messagesOf } from "./messages-option.ts";
import type { Output } from "./output.ts";
import { passOn } from "./pass-on.ts";
import { withManager } from "./with-manager.ts";

/** What came of it: what the API answers beside `success`, and the same in lines for a person. */
export interface Changed {
  readonly answer: object;
  readonly lines: readonly string[];
}

/** Makes a change to the conversation whose ID is the first word. `options`: how much of the transcript the answer needs. */
export function changeConversation(
  input: Input,
  output: Output,
  change: (manager: ConversationManager, id: string, options: { messages: Messages }) => Promise<Changed>,
): Promise<void> {
  const [id = ""] = input.words;
  const messages = messagesOf(input);
  return withManager(output, false, async (manager) => {
    const { answer, lines } = await change(manager, id, { messages: output.json ? messages : "none" });
    await passOn(manager, output);
    if (output.json) return output.object({ success: true, ...answer });
    for (const line of lines) await output.line(line);
  });
}
