/** Every command by name, each loaded when it is needed. */
import type { Command } from "./command.ts";

/** In the order of the help. */
export const COMMANDS: readonly { readonly name: string; readonly load: () => Promise<Command> }[] = [
  { name: "serve", load: async () => (await import("./serve.ts")).serveCommand },
  { name: "migrate", load: async () => (await import("./migrate.ts")).migrateCommand },
  { name: "id", load: async () => (await import("./id.ts")).idCommand },
  { name: "create", load: async () => (await import("./create.ts")).createCommand },
  { name: "list", load: async () => (await import("./list.ts")).listCommand },
  { name: "show", load: async () => (await import("./show.ts")).showCommand },
  { name: "tail", load: async () => (await import("./tail.ts")).tailCommand },
  { name: "complete", load: async () => (await import("./complete.ts")).completeCommand },
  { name: "archive", load: async () => (await import("./archive.ts")).archiveCommand },
  { name: "extend", load: async () => (await import("./extend.ts")).extendCommand },
  { name: "reopen", load: async () => (await import("./reopen.ts")).reopenCommand },
  { name: "erase", load: async () => (await import("./erase.ts")).eraseCommand },
  { name: "erase-subject", load: async () => (await import("./erase-subject.ts")).eraseSubjectCommand },
  { name: "hold", load: async () => (await import("./hold.ts")).holdCommand },
  { name: "release", load: async () => (await import("./release.ts")).releaseCommand },
  { name: "events", load: async () => (await import("./events.ts")).eventsCommand },
  { name: "sweep", load: async () => (await import("./sweep.ts")).sweepCommand },
  { name: "purge", load: async () => (await import("./purge.ts")).purgeCommand },
  { name: "import", load: async () => (await import("./import.ts")).importCommand },
  { name: "export", load: async () => (await import("./export.ts")).exportCommand },
  { name: "backup", load: async () => (await import("./backup.ts")).backupCommand },
  { name: "verify", load: async () => (await import("./verify.ts")).verifyCommand },
  { name: "restore", load: async () => (await import("./restore.ts")).restoreCommand },
  { name: "copy", load: async () => (await import("./copy.ts")).copyCommand },
  { name: "stats", load: async () => (await import("./stats.ts")).statsCommand },
  { name: "keys", load: async () => (await import("./keys.ts")).keysCommand },
  { name: "rotate", load: async () => (await import("./rotate.ts")).rotateCommand },
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctorCommand },
];
