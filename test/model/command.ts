// What the model-based test does to a manager: commands as plain data, so that a failing run can be printed, shrunk and repeated.

import type { JsonObject } from "../../src/core/json.ts";

/** Which conversation: the newest but N (0 is the newest), one that never existed, or a text that is no ID. */
export type Target = number | "unknown" | "malformed";

/** Which version the caller says it has read. `tag`: the right one as an ETag has it. `foreign`: the right number under another incarnation. */
export type Expected = "none" | "right" | "tag" | "older" | "newer" | "foreign";

/** How much of the transcript to answer. */
export type Show = "all" | "none" | number;

/** The call of a port, counted from 1 within the command, that throws: before it did anything, or with its reply lost. */
export interface Fault {
  call: number;
  when: "before" | "after";
}

/** A whole transcript, made from what is stored: the same, a longer one, its beginning, or another from some message on. */
export interface Transcript {
  kind: "same" | "longer" | "shorter" | "other";
  /** How many stored messages stay, counted from the beginning (`shorter` and `other`). */
  keep: number;
  add: JsonObject[];
}

interface On {
  on: Target;
  fault?: Fault | undefined;
}

/** Fields of an update that are neither metadata, messages, status nor messageCount. */
export type OtherFields = "equal" | "changed" | "unknown" | "ignored";

/** A line to import. `id`: one of a few fixed IDs, or that of a conversation, or none. */
export interface Line {
  id: { fixed: number } | { on: number } | null;
  /** Write the content of the conversation that stands under the ID, if there is one. */
  same: boolean;
  source?: string | undefined;
  ref?: string | undefined;
  archiveReason?: string | undefined;
  /** Milliseconds before now; only without an ID. */
  age?: number | undefined;
  /** The messages were said so many milliseconds apart. */
  apart?: number | undefined;
  /** It was completed an hour, and archived two hours after its creation. */
  past: boolean;
  metadata: JsonObject;
  messages: JsonObject[];
}

export type CreateCommand = {
  do: "create";
  metadata: JsonObject;
  messages: JsonObject[];
  key?: string | undefined;
  fault?: Fault | undefined;
};
export type AppendCommand = On & {
  do: "append";
  messages: JsonObject[];
  asTranscript: boolean;
  state?: JsonObject | undefined;
  window?: number | undefined;
  expected: Expected;
  key?: string | undefined;
};
export type UpdateCommand = On & {
  do: "update";
  patch?: JsonObject | undefined;
  transcript?: Transcript | undefined;
  status?: string | undefined;
  count?: "right" | "wrong" | undefined;
  other?: OtherFields | undefined;
  expected: Expected;
  show: Show;
};
export type WriteBackCommand = On & {
  do: "write-back";
  read: "get" | "peek";
  change: "nothing" | "message" | "metadata";
  show: Show;
  versioned: boolean;
};
export type VerbCommand = On & { expected: Expected } & (
    | { do: "complete" | "reopen"; show: Show }
    | { do: "extend"; hours: number; reason?: string | undefined; show: Show }
    | { do: "archive"; reason?: string | undefined; preserve: boolean }
    | { do: "erase"; reason?: string | undefined }
    | { do: "hold" | "release"; reason: string }
  );
export type ImportCommand = { do: "import"; line: Line; active: boolean; fault?: Fault | undefined };

/** What lists filter by. `from` and `to` are whole seconds around the creation of the conversation at that place. */
export interface ListCommand {
  do: "list";
  status?: string[] | undefined;
  source?: string | undefined;
  environment?: string | undefined;
  from?: { on: number; seconds: number } | undefined;
  to?: { on: number; seconds: number } | undefined;
  words?: string | undefined;
  limit?: number | undefined;
  deliverFirst: boolean;
}

export type MessagesCommand = {
  do: "messages";
  on: Target;
  after?: number | undefined;
  before?: number | undefined;
  limit?: number | undefined;
  order?: "asc" | "desc" | undefined;
};

/** Everything that can be done to all conversations at once, or to none. */
export type ServiceCommand =
  | { do: "sweep"; dryRun: boolean; fault?: Fault | undefined }
  | { do: "deliver"; limit?: number | undefined; fault?: Fault | undefined }
  | { do: "purge"; dryRun: boolean; fault?: Fault | undefined }
  | { do: "cleanup"; fault?: Fault | undefined }
  | { do: "erase-subject"; key: string; value: string; dryRun: boolean; fault?: Fault | undefined };

export type Command =
  | CreateCommand
  | AppendCommand
  | UpdateCommand
  | WriteBackCommand
  | VerbCommand
  | ImportCommand
  | ListCommand
  | MessagesCommand
  | ServiceCommand
  | (On & { do: "read"; touch: boolean; show: Show })
  | { do: "events"; on: Target; limit?: number | undefined }
  | { do: "analytics"; around?: { on: number; before: number; after: number } | undefined }
  /** Time passes, in so many equal parts with a sweep after each; without any sweep if that is 0. */
  | { do: "advance"; ms: number; sweeps: number }
  | { do: "restart" }
  /** The request with an idempotency key that was sent so many such requests ago, once more. */
  | { do: "retry"; ago: number; fault?: Fault | undefined };

/** How long things last in a run, and how much fits. */
export interface Rules {
  ttlHours: number;
  maxExtensionHours: number;
  conversationMessages: number;
}

/** A run. */
export interface Run {
  rules: Rules;
  commands: Command[];
}
