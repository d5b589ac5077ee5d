/** Names of backups: the second of their beginning in UTC, and something random. They sort by time. */

const FORM = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{8}$/;

/** A new name. `random`: 8 hexadecimal digits. */
export function backupId(at: number, random: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z-${random}`;
}

/** The time in a name, in epoch ms; null: it is none. */
export function timeOfBackup(id: string): number | null {
  const [, year, month, day, hour, minute, second] = FORM.exec(id) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? null : at;
}
