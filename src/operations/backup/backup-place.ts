/** Where backups are: a folder or a bucket. A backup is a few files of bounded size and a manifest, which makes it one. */

/** A file of a backup, as the place lists it. `kind`: anything but a plain file is damage. */
export interface PlacedFile {
  readonly name: string;
  readonly kind: "file" | "other";
  readonly bytes: number;
}

/** A backup that is being written. Nobody sees it before `finish`. */
export interface BackupDraft {
  /** Writes a file whole; when this resolves it is on disk. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Writes the manifest, and with it makes the backup one. */
  finish(manifest: Uint8Array): Promise<void>;
  /** Takes away what was written. Harmless when repeated, and after `finish`. */
  abandon(): Promise<void>;
}

/** A place. Methods throw `StoreUnavailableError` when it does not answer or has no room. */
export interface BackupPlace {
  /** What it is called towards people. */
  readonly name: string;
  /** Names of backups, oldest first; drafts are not among them. */
  list(): Promise<string[]>;
  begin(id: string): Promise<BackupDraft>;
  /** All that is in a backup, the manifest included. Throws `BackupNotFoundError`. */
  files(id: string): Promise<PlacedFile[]>;
  /** A file of at most `limit` bytes. Throws `StoredDataError` if it is longer, missing, or no plain file. */
  read(id: string, name: string, limit: number): Promise<Uint8Array>;
  remove(id: string): Promise<void>;
  /** Removes drafts that were broken off; called by whoever alone may write. */
  tidy(now: number): Promise<void>;
}

/** The name of the manifest. */
export const MANIFEST = "manifest.json";
