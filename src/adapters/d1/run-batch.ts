/** The edge at which statements go to D1, and at which its errors become ours. */
import { StoreUnavailableError } from "../../core/errors.ts";
import type { D1DatabaseLike, Row, Statement } from "./d1-database.ts";

/**
 * Runs statements as one transaction, in one round trip; answers the rows of each. D1 has no codes for its errors, so
 * whatever it throws counts as not available: none of our statements is wrong by itself, and what is too large is refused before.
 */
export async function runBatch(database: D1DatabaseLike, statements: readonly Statement[]): Promise<Row[][]> {
  try {
    const answers = await database.batch(statements.map(([sql, ...values]) => bound(database, sql, values)));
    // The cast: D1 answers rows as objects of texts, numbers and null.
    return answers.map(({ results }) => (results ?? []) as Row[]);
  } catch (cause) {
    throw new StoreUnavailableError("The D1 database did not answer; try again in a moment", { cause });
  }
}

function bound(database: D1DatabaseLike, sql: string, values: Statement[1][]) {
  const statement = database.prepare(sql);
  return values.length === 0 ? statement : statement.bind(...values);
}
