/** The service's secret: the configured one, or in development one that is made once and kept with the database, for every server over it. */
import { randomBytes } from "node:crypto";
import type { Records } from "../../core/records.ts";
import type { Config } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { keepSecretBeside, keptSecret, secretBeside } from "./kept-secret.ts";
import { onDisk } from "./open-stores.ts";
import { secretBytes } from "./secret-formats.ts";

const KIND = "secret";
const KEY = "development";

/** The secret that is kept in a database server; null: none is. Throws `ConfigurationError` if it is damaged. */
export async function recordedSecret(records: Records): Promise<Uint8Array<ArrayBuffer> | null> {
  const kept = await records.get(KIND, KEY);
  if (kept === null) return null;
  try {
    return secretBytes(typeof kept.value === "string" ? kept.value : "");
  } catch {
    throw new ConfigurationError([
      {
        variable: "SECRET",
        wrong: "the one that is kept in the database is damaged",
        right: "set SECRET to what it was; a new one makes people and repeats unrecognisable",
      },
    ]);
  }
}

/** Keeps a secret in a database server, unless there is one: answers the one that is there then. */
export async function recordSecret(records: Records, secret: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  await records.put(KIND, KEY, Buffer.from(secret).toString("base64"), { ifVersion: 0 });
  return (await recordedSecret(records))!;
}

/**
 * The bytes of the secret. Without `SECRET` (only development gets here) it is the one kept beside the database's file, or in
 * the records of a database server, so that several servers over one database have the same.
 */
export async function serviceSecret(
  config: Pick<Config, "secret" | "database">,
  records: Records | null,
): Promise<Uint8Array<ArrayBuffer>> {
  if (config.secret !== null) return config.secret;
  const { database } = config;
  if (database.engine === "sqlite") {
    return onDisk("The secret beside the database cannot be kept", () => keptSecret({ secret: null, database }));
  }
  if (records === null) throw new Error("a database server keeps records");
  return (await recordedSecret(records)) ?? recordSecret(records, randomBytes(32));
}

/**
 * Takes the secret of development along to a copy of a database, where none is kept yet. False: another one is kept there, under
 * which people and repeats of what is copied are not known again.
 */
export async function carrySecret(
  from: { readonly database: Config["database"]; readonly records: Records | null },
  to: { readonly database: Config["database"]; readonly records: Records | null },
): Promise<boolean> {
  const secret = from.database.engine === "sqlite" ? secretBeside(from.database) : from.records && (await recordedSecret(from.records));
  if (secret === null) return true;
  const kept =
    to.database.engine === "sqlite" ? keepSecretBeside(to.database, secret) : to.records && (await recordSecret(to.records, secret));
  return kept === null || Buffer.from(kept).equals(secret);
}
