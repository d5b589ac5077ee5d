// A D1 database over Node's SQLite that keeps production's limits, which the local simulator does not: 2 MB rows and texts, 100
// parameters, 100 KB statements. It counts round trips.

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { D1DatabaseLike, D1StatementLike } from "../src/adapters/d1/d1-stores.ts";

class PreparedDouble implements D1StatementLike {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];

  constructor(sql: string, values: readonly SQLInputValue[] = []) {
    this.sql = sql;
    this.values = values;
  }

  bind(...values: SQLInputValue[]): PreparedDouble {
    return new PreparedDouble(this.sql, values);
  }
}

/** A database in memory. Close it when done. */
export class D1Double implements D1DatabaseLike {
  readonly database = new DatabaseSync(":memory:", {
    limits: { variableNumber: 100, likePatternLength: 50, sqlLength: 100_000, column: 100, exprDepth: 100, length: 2_000_000 },
  });
  /** The statements of each round trip, in order. */
  readonly batches: string[][] = [];
  /** What a round trip rejects with instead of happening; null: nothing. */
  fault: () => Error | null = () => null;

  prepare(sql: string): PreparedDouble {
    return new PreparedDouble(sql);
  }

  async batch(statements: D1StatementLike[]): Promise<{ results: unknown[] }[]> {
    await Promise.resolve();
    const fault = this.fault();
    if (fault) throw fault;
    // The cast: they come from `prepare`.
    const prepared = statements as PreparedDouble[];
    this.batches.push(prepared.map(({ sql }) => sql));
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const answers = prepared.map(({ sql, values }) => ({ results: this.#run(sql, values) }));
      this.database.exec("COMMIT");
      return answers;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw new Error(`D1_ERROR: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  #run(sql: string, values: readonly SQLInputValue[]): unknown[] {
    // D1 takes every number as a floating-point one; SQLite makes an integer of it where a column wants one.
    return this.database.prepare(sql).all(...values);
  }

  close(): void {
    this.database.close();
  }
}
