/** Filters that `list` and `export` share: their options, and the query made from them. */
import type { ListQuery } from "../core/conversations.ts";
import type { Status } from "../core/head.ts";
import type { Input, Option } from "./command.ts";

/** The options. What they take is checked where the query is answered. */
export const FILTERS: Readonly<Record<string, Option>> = {
  status: { value: "A,B", about: "Only these: active, completed, archived" },
  source: { value: "NAME", about: "Only from this source" },
  environment: { value: "NAME", about: "Only of production, staging or development" },
  from: { value: "TIME", about: "Created at this time or later: 2025-01-25 or 2025-01-25T14:30:00Z" },
  to: { value: "TIME", about: "Created before this time" },
};

/** The query that the given filters ask for. */
export function filtersOf(input: Input): ListQuery {
  const query: ListQuery = {};
  const status = input.text("status");
  if (status !== undefined) query.status = status.split(",").map((each) => each.trim()) as Status[];
  for (const name of ["source", "environment", "from", "to"] as const) {
    const text = input.text(name);
    if (text !== undefined) query[name] = text;
  }
  return query;
}
