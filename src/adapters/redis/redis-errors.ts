// The edge at which the errors of Redis and of its client become ours.

import { ConversationError, StoredDataError, StoreUnavailableError } from "../../core/errors.ts";

/** Codes of error replies that mean: not now, or not with this set-up. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  OOM: "Redis has reached its maxmemory and takes no writes; give it more memory, or archive and move conversations out sooner",
  READONLY: "This Redis server is a replica and takes no writes; connect to the primary",
  LOADING: "Redis is still loading its data; try again in a moment",
  BUSY: "Redis is running a long script of somebody; try again",
  MISCONF: "Redis cannot write its files and takes no writes; check its disk and its log",
  NOREPLICAS: "Too few replicas follow the Redis primary, so it takes no writes; check the replicas",
  MASTERDOWN: "The replica has lost its primary; check the primary, or connect to it",
  CLUSTERDOWN: "The Redis cluster does not serve all its slots; check its nodes",
  TRYAGAIN: "The Redis cluster is moving a slot; try again",
  MOVED: "The Redis cluster has moved a slot, and the client did not follow; check that the client is one for clusters",
  ASK: "The Redis cluster is moving a slot, and the client did not follow; check that the client is one for clusters",
  CROSSSLOT: "The Redis cluster refuses keys of two slots; check that the prefix of the keys has no braces",
  NOAUTH: "Redis wants a password; set it in the address",
  WRONGPASS: "Redis does not accept the user name or password; check them",
  NOPERM: "The Redis user may not run a command that is needed; allow it EVAL, EVALSHA and all commands on the keys of this prefix",
  UNBLOCKED: "Redis gave up a waiting command, most likely in a failover; try again",
};

const CODE = /^([A-Z]{2,}[A-Z0-9]*)(?: |$)/;

/**
 * The code of an error reply: by Redis's protocol the first word, in capitals. Servers before version 7 wrap what failed inside a script
 * into `ERR … : -CODE …`. Null: the error is not a reply of the server.
 */
export function replyCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code = CODE.exec(error.message)?.[1] ?? null;
  return code === "ERR" ? (/: -([A-Z]{2,}[A-Z0-9]*) /.exec(error.message)?.[1] ?? code) : code;
}

/** Makes errors of Redis and of its client ours. */
export function translate(error: unknown): Error {
  if (error instanceof ConversationError) return error;
  if (!(error instanceof Error)) return new Error(String(error));
  // Arguments that the client cannot send are a fault in the program.
  if (error instanceof TypeError || error instanceof RangeError) return error;
  const code = replyCode(error);
  if (code === null) {
    return new StoreUnavailableError("Redis cannot be reached; check that it runs, and the address and network between", { cause: error });
  }
  if (code === "WRONGTYPE") {
    return new StoredDataError("A key of this store holds something else than this store put there; restore it from a backup", {
      cause: error,
    });
  }
  const sentence = UNAVAILABLE[code];
  return sentence === undefined ? error : new StoreUnavailableError(sentence, { cause: error });
}
