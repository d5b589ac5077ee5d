/** From BACKUP_TARGET, or what a command was given, to the place where backups are. */
import { createHash } from "node:crypto";
import { basename, dirname, resolve } from "node:path";
import type { BackupPlace } from "../../operations/backup/backup-place.ts";
import { bucketPlace } from "../../operations/backup/bucket-place.ts";
import { timeOfBackup } from "../../operations/backup/backup-id.ts";
import { folderPlace } from "../../operations/backup/folder-place.ts";
import type { Config } from "./config.ts";
import { ConfigurationError } from "./configuration-error.ts";

type Needed = Pick<Config, "backupTarget" | "folder" | "aws" | "database">;

/** A place, from `s3://bucket/prefix` or the path of a folder. Throws `ConfigurationError` if the keys of a bucket are missing. */
export function backupPlace(config: Needed, target: string = config.backupTarget): BackupPlace {
  const bucket = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(target);
  if (bucket === null) {
    // Drafts tell by it whose they are; it shows nothing of an address.
    const owner = createHash("sha256").update(JSON.stringify(config.database)).digest("hex").slice(0, 8);
    return folderPlace(resolve(config.folder, target), owner);
  }
  const needed = (name: string): string => {
    const value = config.aws[name];
    if (value !== undefined) return value;
    throw new ConfigurationError([
      { variable: name, wrong: "it is not set, and backups go to a bucket", right: "set it to a key that may write there" },
    ]);
  };
  return bucketPlace({
    bucket: bucket[1]!,
    prefix: bucket[2]!,
    accessKeyId: needed("AWS_ACCESS_KEY_ID"),
    secretAccessKey: needed("AWS_SECRET_ACCESS_KEY"),
    sessionToken: config.aws["AWS_SESSION_TOKEN"],
    region: config.aws["AWS_REGION"] ?? config.aws["AWS_DEFAULT_REGION"] ?? "us-east-1",
    endpoint: config.aws["AWS_ENDPOINT_URL_S3"] ?? config.aws["AWS_ENDPOINT_URL"],
  });
}

/** A backup that somebody named: `latest` or its name in the configured place, its folder, or its address in a bucket. */
export function namedBackup(config: Needed, given: string): { place: BackupPlace; id: string } {
  if (given === "latest" || timeOfBackup(given) !== null) return { place: backupPlace(config), id: given };
  const text = given.replace(/\/+$/, "");
  if (text.startsWith("s3://")) {
    const cut = text.lastIndexOf("/");
    return { place: backupPlace(config, text.slice(0, cut)), id: text.slice(cut + 1) };
  }
  const path = resolve(config.folder, text);
  return { place: backupPlace(config, dirname(path)), id: basename(path) };
}
