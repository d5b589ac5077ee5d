/** `itera doctor`: what is still open in this installation, and what to do about it. */
import { readConfig } from "../runtimes/node/config.ts";
import type { Command } from "./command.ts";
import { counted } from "./counted.ts";

const MARKS = { ok: "ok      ", warning: "WARNING ", problem: "PROBLEM " } as const;

/** The command. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Look for what is wrong, or still open, in this installation",
  words: "",
  wordCount: [0, 0],
  options: {
    quiet: { about: "Leave out what is as it should be" },
    "confirm-clock": { about: "After a jump of the clock: it is right now, so purge again" },
  },
  examples: [
    ["itera doctor", "configuration, stores, keys, encryption, disk, clocks: each with what to do"],
    ["itera doctor --confirm-clock", "once the clock has been looked at, and corrected if it was wrong"],
    ["itera doctor --quiet && echo fine", "exits with 1 if there is a problem; warnings alone are 0"],
  ],
  async run(input, output) {
    const { diagnose } = await import("../runtimes/node/diagnosis.ts");
    const findings = await diagnose(readConfig(), { confirmClock: input.has("confirm-clock") });
    const problems = findings.filter(({ level }) => level === "problem").length;
    const warnings = findings.filter(({ level }) => level === "warning").length;
    if (output.json) await output.object({ success: problems === 0, findings });
    else {
      for (const { level, about, finding, remedy } of findings) {
        if (level === "ok" && input.has("quiet")) continue;
        await output.line(`${MARKS[level]} ${about}: ${finding}${remedy === null ? "" : `\n         → ${remedy}`}`);
      }
      output.note(`${counted(problems, "problem")}, ${counted(warnings, "warning")}.`);
    }
    return problems > 0 ? 1 : 0;
  },
};
