/** What is wrong with a configuration, all of it at once. */

/** One fault: which variable, what is wrong, what would be right. Never holds the text of a secret. */
export interface Fault {
  readonly variable: string;
  readonly wrong: string;
  readonly right: string;
}

/** Nothing was started. The message has a line for each fault. */
export class ConfigurationError extends Error {
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ variable, wrong, right }) => `  ${variable}: ${wrong}. ${right.charAt(0).toUpperCase()}${right.slice(1)}.`);
    super(`The configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n${lines.join("\n")}`);
    this.name = "ConfigurationError";
    this.faults = faults;
  }
}
