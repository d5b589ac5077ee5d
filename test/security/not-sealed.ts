// What stores under encryption do otherwise than the same stores without it.

import type { Skips } from "../../src/conformance/index.ts";

const OWN_KEYRING = "the case brings a wrapped key of its own; under encryption that field is the wrapper's alone";

/** Cases that cannot hold, and why. */
export const NOT_SEALED: Skips = {
  search: "what can be searched can be read: under encryption nothing said is indexed",
  "hot store: a conversation comes back from the archive exactly as it was, and goes on from there": OWN_KEYRING,
  "hot store: commit: another version, revision or incarnation than required is a conflict with the head that is there": OWN_KEYRING,
  "hot store: commit: other bodies take the places of those that are there, and nothing else of the messages changes": OWN_KEYRING,
  "hot store: commit: every change moves the version by one, metadata alone the revision": OWN_KEYRING,
  "hot store: commit: metadata and state are set whole, subjects are only added to": OWN_KEYRING,
  "archive: a conversation is stored whole": OWN_KEYRING,
  "archive: replace overwrites the same version, never a newer one": OWN_KEYRING,
  "directory: an entry is the whole head": OWN_KEYRING,
};
