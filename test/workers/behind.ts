// What stands behind the objects of a test: tests and the objects of the test Worker run in one isolate, so they share it by this module.

import type { HotStore } from "../../src/core/hot-store.ts";
import type { ManagerOptions } from "../../src/core/settings.ts";
import type { Stores } from "../../src/core/stores.ts";

export interface Behind extends Omit<Stores, "hot"> {
  options: ManagerOptions;
  /** Variables and secrets of objects that open their stores themselves. */
  variables: Readonly<Record<string, string>>;
  /** How often an alarm has opened a manager. */
  alarms: number;
  /** Around the hot store that the alarm sweeps. */
  wrap: (hot: HotStore) => HotStore;
}

export const behind: Behind = { archive: null, directory: null, records: null, options: {}, variables: {}, alarms: 0, wrap: (hot) => hot };
