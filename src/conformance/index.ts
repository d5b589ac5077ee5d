/** The conformance suite: what each port promises, as data. An adapter runs `selectCases(conformanceCases, skip)`, each on fresh stores. */
import { archiveCases } from "./archive.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { directoryCases } from "./directory.ts";
import { hotStoreCases } from "./hot-store.ts";
import { recordsCases } from "./records.ts";

export * from "./conformance-case.ts";
export { archiveCases, directoryCases, hotStoreCases, recordsCases };

/** The cases of all four ports. */
export const conformanceCases: readonly ConformanceCase[] = [...hotStoreCases, ...archiveCases, ...directoryCases, ...recordsCases];
