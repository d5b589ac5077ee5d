/** A receipt in lines for a person. */
import type { Receipt } from "../core/conversations.ts";
import { counted } from "./counted.ts";
import { utcTime } from "./utc-time.ts";

/** What was removed, and when the last trace of it is gone. */
export function receiptLines({ id, action, at, removed, overwrittenBy, backupsExpireAt }: Receipt): string[] {
  const verb = action === "wiped" ? "Wiped" : "Erased";
  return [
    `${verb} ${id} at ${utcTime(at)}.`,
    `  removed      ${counted(removed.hot, "message")} from the hot store, ${removed.archive} from the archive`,
    `  overwritten  ${overwrittenBy === null ? "this store cannot say when" : `by ${utcTime(overwrittenBy)}`}`,
    `  backups      ${backupsExpireAt === null ? "none are made" : `the last one that may hold it expires ${utcTime(backupsExpireAt)}`}`,
  ];
}
