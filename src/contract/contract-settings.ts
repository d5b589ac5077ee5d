/** What the contract depends on: the limits of the service that it describes. */
import type { Limits } from "../core/limits.ts";

export interface ContractSettings {
  readonly limits: Limits;
  /** The most that one extension asks for, in hours; may have decimals. */
  readonly maxExtensionHours: number;
}

/** Where conversations are. */
export const BASE = "/api/v1/conversations";
