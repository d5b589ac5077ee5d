/** What a directory promises. */
import type { ConformanceCase } from "./conformance-case.ts";
import { countCases } from "./directory/counts.ts";
import { eventCases } from "./directory/events.ts";
import { listCases } from "./directory/list.ts";
import { searchCases } from "./directory/search.ts";
import { togetherCases } from "./directory/together.ts";

/** The cases of the directory. */
export const directoryCases: readonly ConformanceCase[] = [...listCases, ...searchCases, ...countCases, ...eventCases, ...togetherCases];
