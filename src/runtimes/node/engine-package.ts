/** The packages of engines' clients, which are loaded when a configuration asks for their engine. */
import { ConfigurationError } from "./configuration-error.ts";

/**
 * Loads a package. `wanted`: the variable, or option of a command, that asks for it. Throws `ConfigurationError` with what
 * to install if it is not there.
 *
 * @example
 * const { default: pg } = await enginePackage("pg", "DATABASE_URL", () => import("pg"));
 */
export async function enginePackage<T>(name: string, wanted: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes(`'${name}'`)) throw error;
    throw new ConfigurationError([
      { variable: wanted, wrong: `its engine needs the package ${name}, which is not installed`, right: `run: npm install ${name}` },
    ]);
  }
}
