/** From variables that are set to values that are checked: what both runtimes do with the table of settings. */
import type { Environment } from "../core/id.ts";
import { ConfigurationError, type Fault } from "./node/configuration-error.ts";
import { BadValue, type Setting } from "./node/setting.ts";
import { SETTINGS, type SettingValues } from "./node/settings.ts";

/** All settings with their values, defaults filled in. */
export interface CheckedSettings extends Omit<SettingValues, "environment"> {
  readonly environment: "production" | "staging" | "development";
  /** The last letter of new IDs. */
  readonly letter: Environment;
  /** The names of the variables that were set. */
  readonly given: ReadonlySet<string>;
  /** Sentences about what is set and has no effect. */
  readonly warnings: readonly string[];
}

const LETTERS = { production: "P", staging: "S", development: "D" } as const;

/** The text of a setting under any of its names. */
function textOf(
  setting: Pick<Setting<unknown>, "name" | "aliases">,
  set: ReadonlyMap<string, string>,
  faults: Fault[],
): string | undefined {
  const names = [setting.name, ...setting.aliases].filter((name) => set.has(name));
  const texts = new Set(names.map((name) => set.get(name)!.trim()));
  if (texts.size > 1)
    faults.push({ variable: setting.name, wrong: `${names.join(" and ")} say different things`, right: `set ${setting.name} alone` });
  return texts.values().next().value;
}

/** Reads one setting; what is wrong goes to `faults`, what has no effect to `warnings`. */
function read<T>(setting: Setting<T>, set: ReadonlyMap<string, string>, faults: Fault[], warnings: string[]): T {
  const text = textOf(setting, set, faults);
  if (text === undefined) return setting.default === undefined ? setting.absent : setting.read(setting.default);
  try {
    const value = setting.read(text);
    const { unsupported } = setting;
    if (unsupported?.when(value)) {
      const { wrong, right } = unsupported;
      if (unsupported.how === "refuse") faults.push({ variable: setting.name, wrong, right });
      else warnings.push(`${setting.name} has no effect: ${wrong}; ${right}`);
    }
    return value;
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    faults.push({ variable: setting.name, wrong: error.message, right: error.right });
    return setting.absent;
  }
}

/** What must hold between variables. */
function* disagreements(values: SettingValues, letter: Environment, environment: string): Generator<Fault> {
  if (values.ttlHours > values.maxExtensionHours) {
    yield {
      variable: "CONVERSATION_TTL_HOURS",
      wrong: `${values.ttlHours} hours are more than CONVERSATION_MAX_EXTENSION_HOURS (${values.maxExtensionHours})`,
      right: "lower the one or raise the other",
    };
  }
  if (!values.acceptEnvironments.includes(letter)) {
    yield {
      variable: "ACCEPT_ENVIRONMENTS",
      wrong: `it leaves out ${letter}, the letter of this server's own IDs`,
      right: `add ${letter}`,
    };
  }
  if (values.secret === null && environment !== "development") {
    yield { variable: "SECRET", wrong: `it is not set, and ${environment} needs one`, right: "make one with: openssl rand -base64 32" };
  }
  if (values.alertWebhook !== null && values.alertWebhookSecret === null) {
    yield {
      variable: "ALERT_WEBHOOK_URL",
      wrong: "there is no ALERT_WEBHOOK_SECRET to sign alerts with",
      right: 'set it to what this prints: echo "whsec_$(openssl rand -base64 32)"',
    };
  }
  yield* repeatedSecrets(values);
}

function* repeatedSecrets(values: SettingValues): Generator<Fault> {
  const seen = new Map<string, string>();
  const secrets: [string, Uint8Array | null][] = [
    ["SECRET", values.secret],
    [
      "ALERT_WEBHOOK_SECRET",
      values.alertWebhookSecret === null ? null : Buffer.from(values.alertWebhookSecret.slice("whsec_".length), "base64"),
    ],
    ...(values.encryptionKeys ?? []).map(({ key }): [string, Uint8Array] => ["CONVERSATION_ENCRYPTION_KEY", key]),
  ];
  for (const [variable, bytes] of secrets) {
    if (bytes === null) continue;
    const text = Buffer.from(bytes).toString("hex");
    const other = seen.get(text);
    if (other !== undefined) yield { variable, wrong: `it is the same secret as ${other}`, right: "give each a secret of its own" };
    seen.set(text, variable);
  }
}

/** Names that look like ours and are not: most likely a slip of the pen. */
function slips(set: ReadonlyMap<string, string>): string[] {
  const known = new Set(Object.values(SETTINGS).flatMap(({ name, aliases }) => [name, ...aliases]));
  const ours = /^(CONVERSATION|API_KEY|API_RATE|BACKUP|ALERT_WEBHOOK|HOT_STORE|TRUSTED|SUBJECT)_?/;
  return [...set.keys()]
    .filter((name) => ours.test(name) && !known.has(name))
    .map((name) => `${name} has no effect: there is no such variable`);
}

/** Reads and checks all settings; `set` holds the variables that are set, none of them empty. Throws `ConfigurationError` with every fault. */
export function checkSettings(set: ReadonlyMap<string, string>): CheckedSettings {
  const faults: Fault[] = [];
  const warnings: string[] = slips(set);
  const entries = Object.entries(SETTINGS).map(
    ([key, setting]) => [key, read(setting as Setting<unknown>, set, faults, warnings)] as const,
  );
  const values = Object.fromEntries(entries) as unknown as SettingValues;
  const environment = values.environment ?? (set.get("NODE_ENV") === "production" ? "production" : "development");
  const letter = LETTERS[environment];
  const bad = new Set(faults.map(({ variable }) => variable));
  for (const fault of disagreements(values, letter, environment)) {
    // What could not be read is named already, and was replaced by nothing.
    if (!bad.has(fault.variable)) faults.push(fault);
  }
  if (faults.length > 0) throw new ConfigurationError(faults);
  return {
    ...values,
    environment,
    letter,
    given: new Set(
      Object.values(SETTINGS).flatMap(({ name, aliases }) => ([name, ...aliases].some((each) => set.has(each)) ? [name] : [])),
    ),
    warnings,
  };
}

/** One value by itself. Throws `ConfigurationError`. */
export function checkSetting<K extends keyof SettingValues>(key: K, set: ReadonlyMap<string, string>): SettingValues[K] {
  const faults: Fault[] = [];
  const value = read(SETTINGS[key] as unknown as Setting<SettingValues[K]>, set, faults, []);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return value;
}
