/** The memory of short-lived objects, kept from growing beyond what makes a server faster. */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Measured: less costs time when a thousand requests are under way, more makes nothing faster. */
const ENOUGH_BYTES = 32 * 1024 * 1024;

/**
 * Lets the space for new objects grow to 32 MiB and no further. By itself V8 doubles it whenever many of them are still in use, which in
 * a server that waits for its disk ends at 128 MiB. How large it may become is fixed when a process starts; how it grows is not.
 */
export function limitYoungHeap(): void {
  const observer = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
    if (young === undefined || young.space_size < ENOUGH_BYTES) return;
    setFlagsFromString("--semi-space-growth-factor=1");
    observer.disconnect();
  });
  // It grows after a collection.
  observer.observe({ entryTypes: ["gc"] });
}
