/** From checked settings to the options of a manager: what both runtimes tell it. */
import { createIdGenerator } from "../core/id.ts";
import type { ManagerOptions } from "../core/settings.ts";
import type { CheckedSettings } from "./check-settings.ts";

/** The options; `secret` is the configured one, or the one that is kept in development. */
export function managerOptions(settings: CheckedSettings, secret: Uint8Array<ArrayBuffer>): ManagerOptions {
  return {
    environment: settings.letter,
    ids: createIdGenerator({ prefix: settings.idPrefix }),
    ttlHours: settings.ttlHours,
    maxExtensionHours: settings.maxExtensionHours,
    reactivationHours: settings.reactivationHours,
    retentionYears: settings.retentionYears,
    eventRetentionDays: settings.eventRetentionDays,
    subjectKeys: settings.subjectKeys,
    secret,
    backupRetentionDays: settings.backups ? settings.backupRetentionDays : null,
  };
}
