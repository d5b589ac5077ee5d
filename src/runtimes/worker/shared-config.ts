/** Settings that can be changed without a deploy: one JSON object in the KV namespace `SHARED_CONFIG`, checked before it counts. */
import type { KVNamespaceLike } from "../../adapters/cloudflare-kv/kv-namespace.ts";
import { checkSettings } from "../check-settings.ts";
import { ConfigurationError } from "../node/configuration-error.ts";
import { SETTINGS } from "../node/settings.ts";

/** Where it lies: `{"LOG_LEVEL": "debug", "CONVERSATION_TTL_HOURS": 48}`. */
export const SHARED_CONFIG_KEY = "conversation-settings";

/** What can be changed in this way: nothing secret, and nothing by which stored data is found again. */
const CHANGEABLE: ReadonlySet<string> = new Set(
  [
    SETTINGS.acceptEnvironments,
    SETTINGS.ttlHours,
    SETTINGS.maxExtensionHours,
    SETTINGS.reactivationHours,
    SETTINGS.resumeHours,
    SETTINGS.cleanupIntervalHours,
    SETTINGS.retentionYears,
    SETTINGS.maxSessionSeconds,
    SETTINGS.metrics,
    SETTINGS.eventRetentionDays,
    SETTINGS.rateLimitPerMinute,
    SETTINGS.keyRateLimitPerMinute,
    SETTINGS.allowedOrigins,
    SETTINGS.clientIp,
    SETTINGS.logLevel,
  ].flatMap(({ name, aliases }) => [name, ...aliases]),
);

/** Variables with what was shared over them, and sentences about what of that was ignored. */
export interface Overlaid {
  readonly set: ReadonlyMap<string, string>;
  readonly alerts: readonly string[];
}

/** What is wrong with the variables; null: nothing. */
function faultOf(set: ReadonlyMap<string, string>): string | null {
  try {
    checkSettings(set);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map(({ variable, wrong }) => `${variable}: ${wrong}`).join("; ");
  }
}

/** A setting goes by its first name, whichever it was given under, so that it takes the place of the variable and does not contradict it. */
function withSetting(set: ReadonlyMap<string, string>, name: string, text: string): Map<string, string> {
  const { name: first, aliases } = Object.values(SETTINGS).find(
    (each) => each.name === name || each.aliases.some((alias) => alias === name),
  )!;
  const changed = new Map(set);
  for (const alias of aliases) changed.delete(alias);
  return text === "" ? changed : changed.set(first, text);
}

/**
 * Puts shared settings over variables (which must be without fault themselves). What is not known, may not be changed, or makes a fault is ignored, each with a
 * sentence; the rest counts. `null`: nothing is shared.
 */
export function overlay(set: ReadonlyMap<string, string>, shared: string | null): Overlaid {
  if (shared === null || shared.trim() === "") return { set, alerts: [] };
  let given: unknown;
  try {
    given = JSON.parse(shared);
  } catch {
    given = null;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return { set, alerts: ["it is no JSON object; all of it is ignored"] };
  const alerts: string[] = [];
  let waiting: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!CHANGEABLE.has(name)) alerts.push(`${name.slice(0, 64)} cannot be changed here; it is ignored`);
    else if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      alerts.push(`${name}: its value is no text, number, true or false; it is ignored`);
    else waiting.push([name, String(value).trim()]);
  }
  let accepted = set;
  // Two that only fit together (a TTL above the old maximum, and the new maximum) come in whatever order they are written.
  for (let before = Infinity; waiting.length < before;) {
    before = waiting.length;
    waiting = waiting.filter(([name, text]) => {
      const tried = withSetting(accepted, name, text);
      if (faultOf(tried) !== null) return true;
      accepted = tried;
      return false;
    });
  }
  for (const [name, text] of waiting) alerts.push(`${faultOf(withSetting(accepted, name, text))}; ${name} is ignored`);
  return { set: accepted, alerts };
}

const SHORTEST_WAIT_MS = 60_000;

/** KV has so long to answer; a request does not wait for it longer. */
const PATIENCE_MS = 1000;

/** What KV answers, or an error if it takes too long. */
async function inTime(asked: Promise<string | null | undefined>): Promise<string | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`KV did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return (await Promise.race([asked, late])) ?? null;
  } finally {
    clearTimeout(timer);
  }
}

/** Shared settings as one isolate knows them. */
export interface SharedConfig {
  /** The variables with what is shared over them; KV is asked at most once a minute. */
  variables(): Promise<ReadonlyMap<string, string>>;
}

/**
 * Reads shared settings. While KV cannot be asked, what was known counts; at first that is nothing. `alert` is told of what is ignored, once for each
 * text that is shared, and of a KV that does not answer.
 */
export function createSharedConfig(
  set: ReadonlyMap<string, string>,
  kv: KVNamespaceLike | undefined,
  alert: (sentence: string, error?: unknown) => void,
  clock: () => number = Date.now,
): SharedConfig {
  let known: Overlaid = { set, alerts: [] };
  let text: string | null = null;
  let askedAt = -Infinity;

  async function ask(from: KVNamespaceLike): Promise<void> {
    const before = askedAt;
    // Whoever comes meanwhile goes on with what is known; at first there is nothing, and everybody asks.
    if (before !== -Infinity) askedAt = clock();
    let found: string | null;
    try {
      found = await inTime(from.get(SHARED_CONFIG_KEY));
    } catch (error) {
      askedAt = clock();
      alert("SHARED_CONFIG does not answer; what was known of it counts", error);
      return;
    }
    askedAt = clock();
    if (found === text) return;
    text = found;
    known = overlay(set, found);
    for (const sentence of known.alerts) alert(`SHARED_CONFIG, key ${SHARED_CONFIG_KEY}: ${sentence}`);
  }

  return {
    async variables() {
      if (kv && clock() - askedAt >= SHORTEST_WAIT_MS) await ask(kv);
      return known.set;
    },
  };
}
