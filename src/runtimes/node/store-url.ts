/** The addresses of stores, `sqlite:…`, `postgresql://…`, `redis://…`, as what they name. */
import { BadValue } from "./setting.ts";

/** What an address names: a file, or a server whose address (which may hold a password) is kept as it is. */
export type StoreUrl =
  | { readonly engine: "sqlite"; readonly path: string }
  | { readonly engine: "postgresql" | "redis"; readonly url: string };

const FORMS = "give sqlite:./data/conversations.db or another file";

/**
 * Reads an address. After `sqlite:` stands a path, relative to the working directory (`sqlite:data/x.db`,
 * `sqlite:./data/x.db`) or absolute (`sqlite:/srv/x.db`, `sqlite:///srv/x.db`), taken as it is: nothing is decoded, and
 * there are no options. `sqlite::memory:` is refused: a server that forgets at its stop is no store, and its parts
 * (the worker that writes, the command line) would each have a memory of their own.
 */
export function storeUrl(given: string): StoreUrl {
  if (/^sqlite:/i.test(given)) return sqlite(given.slice("sqlite:".length));
  const engine = /^postgres(ql)?:\/\//i.test(given) ? "postgresql" : /^rediss?:\/\//i.test(given) ? "redis" : null;
  if (engine === null) throw new BadValue("its scheme is not known", FORMS);
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || url.hostname === "") throw new BadValue("it names no host", `give ${engine}://user:password@host/…`);
  return { engine, url: given };
}

function sqlite(rest: string): StoreUrl {
  if (rest.startsWith(":") || rest === "")
    throw new BadValue(rest === "" ? "it names no file" : "a database in memory is lost when the server stops", FORMS);
  if (rest.includes("\0") || rest.includes("?") || rest.includes("#"))
    throw new BadValue("a path with ? or # is not taken, and there are no options", FORMS);
  const path = rest.startsWith("///") ? rest.slice(2) : rest;
  if (path.startsWith("//"))
    throw new BadValue("a file has no host", "give sqlite:/path/to/file for an absolute path, sqlite:./path for a relative one");
  if (path.endsWith("/")) throw new BadValue("it names a folder", FORMS);
  return { engine: "sqlite", path };
}
