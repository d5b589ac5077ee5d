import { memoryStores } from "../../src/adapters/memory/memory-stores.ts";
import { runConformance } from "./run-conformance.ts";

runConformance("memory", { open: (clock) => memoryStores({ clock }) });
