/** `itera rotate`: brings every conversation under the newest master key. */
import { readConfig } from "../runtimes/node/config.ts";
import type { KeysInUse } from "../runtimes/node/key-work.ts";
import type { Command } from "./command.ts";
import { counted } from "./counted.ts";
import { createProgress } from "./progress.ts";

/** What is left, in a sentence. */
function left({ byMaster, plain, damaged }: KeysInUse, current: string): string {
  const others = Object.entries(byMaster).filter(([id]) => id !== current);
  const parts = [
    ...others.map(([id, count]) => `${counted(count, "conversation")} still under ${id}`),
    ...(plain > 0 ? [`${counted(plain, "conversation")} not encrypted`] : []),
    ...(damaged > 0 ? [`${counted(damaged, "conversation")} with a damaged key`] : []),
  ];
  return parts.length === 0
    ? `Nothing is left: all are under ${current}. Older keys can go once every server writes with it.`
    : `Left: ${parts.join(", ")}.`;
}

/** The command. */
export const rotateCommand: Command = {
  name: "rotate",
  summary: "Bring every conversation under the newest encryption key",
  words: "",
  wordCount: [0, 0],
  options: { "dry-run": { about: "Only count which keys are in use" } },
  examples: [
    ["itera rotate", "with CONVERSATION_ENCRYPTION_KEY=k2:…,k1:… all is wrapped by k2 afterwards; what was not encrypted is"],
    [
      "CONVERSATION_ENCRYPTION_KEY=k1:…,k2:…",
      "first, on every server: k2 is known, k1 still writes; then k2:…,k1:… everywhere, then itera rotate",
    ],
    ["itera rotate --dry-run", "says what is left to do before k1 can go"],
  ],
  async run(input, output) {
    const work = await import("../runtimes/node/key-work.ts");
    const config = readConfig();
    const current = config.encryptionKeys?.[0]?.id ?? "";
    if (input.has("dry-run")) {
      const inUse = await work.masterKeysInUse(config);
      if (output.json) return output.object({ success: true, dryRun: true, inUse });
      return output.line(left(inUse, current));
    }
    const progress = createProgress(output);
    const failures: string[] = [];
    const { counts, inUse } = await work
      .rotateMasterKeys(config, {
        onProgress: ({ seen }) => progress.show(null, `${counted(seen, "conversation")} looked at`),
        onFailure: (id) => failures.push(id),
      })
      .finally(() => progress.clear());
    if (output.json) await output.object({ success: true, ...counts, inUse });
    else {
      await output.line(
        `${counted(counts.rewrapped, "key")} wrapped anew, ${counted(counts.encrypted, "conversation")} encrypted. ${left(inUse, current)}`,
      );
    }
    if (counts.encrypted > 0 && !output.json)
      output.note("What requests of the last 24 hours were answered is kept until it ends, and holds what was not encrypted then.");
    for (const id of failures.slice(0, 20)) output.note(`${id}: its key cannot be read; it is left as it is`);
    return counts.failed > 0 ? 1 : 0;
  },
};
