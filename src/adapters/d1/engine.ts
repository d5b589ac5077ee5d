/** What the ports over one D1 database share: its tables, its time, its transactions. */
import type { D1DatabaseLike, Row, Statement } from "./d1-database.ts";
import { migrateD1 } from "./migrate.ts";
import { runBatch } from "./run-batch.ts";

/** Options of the ports. */
export interface EngineOptions {
  database: D1DatabaseLike;
  idPrefix?: string;
  clock?: () => number;
}

/** What the ports are made from. */
export interface Engine {
  /** The engine's time for a statement, which takes its own where this is null. See `NOW`. */
  now(): number | null;
  /** The prefix that the database was made with. */
  idPrefix(): Promise<string>;
  /** Runs statements as one transaction, in one round trip; answers the rows of each. */
  run(...statements: Statement[]): Promise<Row[][]>;
}

/** The engine's time in SQL, where the parameter of this number is `Engine.now`. */
export const nowOf = (parameter: number): string => `coalesce(?${parameter}, CAST(unixepoch('subsec') * 1000 AS INTEGER))`;

/** An engine over a database. Its tables are looked at before the first use in this isolate. */
export function openEngine({ database, clock, ...options }: EngineOptions): Engine {
  const idPrefix = (): Promise<string> => migrateD1(database, options);
  return {
    now: () => (clock ? clock() : null),
    idPrefix,
    async run(...statements) {
      await idPrefix();
      return runBatch(database, statements);
    },
  };
}
