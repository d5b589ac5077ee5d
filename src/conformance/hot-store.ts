/** What a hot store promises. */
import type { ConformanceCase } from "./conformance-case.ts";
import { appendCases } from "./hot-store/append.ts";
import { changeCases } from "./hot-store/change.ts";
import { createCases } from "./hot-store/create.ts";
import { exactnessCases } from "./hot-store/exactness.ts";
import { onceCases } from "./hot-store/once.ts";
import { outboxCases } from "./hot-store/outbox.ts";
import { placeCases } from "./hot-store/place.ts";
import { requireCases } from "./hot-store/require.ts";
import { takeCases } from "./hot-store/take.ts";
import { wipeCases } from "./hot-store/wipe.ts";

/** The cases of the hot store. */
export const hotStoreCases: readonly ConformanceCase[] = [
  ...createCases,
  ...appendCases,
  ...requireCases,
  ...changeCases,
  ...onceCases,
  ...wipeCases,
  ...placeCases,
  ...takeCases,
  ...outboxCases,
  ...exactnessCases,
];
