/** How the text of a variable is read: each function makes a reader that answers the value or throws `BadValue`. */
import { isIP } from "node:net";
import { BadValue } from "./setting.ts";

/** A text as it may be shown in an error: short, on one line, nothing that a terminal obeys. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Any text. */
export function text(value: string): string {
  return value;
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (given) => {
    const value = Number(given);
    if (!/^\d+$/.test(given) || value < min || value > max) {
      throw new BadValue(`${shown(given)} is not a whole number from ${min} to ${max}`, `give one, in digits alone`);
    }
    return value;
  };
}

/** A number that may have decimals; with `above`, zero is refused. At most 100 years of hours. */
export function decimal(limits: { above: 0 } | { from: 0 }): (text: string) => number {
  const max = 876_000;
  const strict = "above" in limits;
  return (given) => {
    const value = Number(given);
    if (!/^\d+(\.\d+)?$/.test(given) || value > max || (strict && value === 0)) {
      throw new BadValue(
        `${shown(given)} is not a number ${strict ? "above 0" : "from 0 on"}`,
        `give hours such as 24 or 0.5, at most ${max}`,
      );
    }
    return value;
  };
}

/** `true` or `false`. */
export function boolean(given: string): boolean {
  const lower = given.toLowerCase();
  if (lower === "true" || lower === "1") return true;
  if (lower === "false" || lower === "0") return false;
  throw new BadValue(`${shown(given)} is neither true nor false`, "give true or false");
}

/** One of some words, in any letter case. */
export function oneOf<const W extends string>(words: readonly W[]): (text: string) => W {
  return (given) => {
    const found = words.find((word) => word === given.toLowerCase());
    if (found === undefined) throw new BadValue(`${shown(given)} is not known`, `give one of ${words.join(", ")}`);
    return found;
  };
}

/** A comma-separated list; blanks around the entries are dropped, empty entries are not allowed, repeats count once. */
export function list<T>(read: (entry: string) => T): (text: string) => readonly T[] {
  return (given) => {
    const entries = given.split(",").map((entry) => entry.trim());
    if (entries.includes("")) throw new BadValue("it has an empty entry", "separate the entries with one comma each");
    return [...new Set(entries)].map(read);
  };
}

/** A letter of the IDs: P, S or D. */
export function letter(given: string): "P" | "S" | "D" {
  if (given === "P" || given === "S" || given === "D") return given;
  throw new BadValue(`${shown(given)} is no letter of an environment`, "give some of P, S, D");
}

/** A text that fits a pattern; `right` says which. */
export function matching(pattern: RegExp, right: string): (text: string) => string {
  return (given) => {
    if (!pattern.test(given)) throw new BadValue(`${shown(given)} does not have the right form`, right);
    return given;
  };
}

/** A host to listen on: an address or a name. */
export function host(given: string): string {
  const name = given.startsWith("[") && given.endsWith("]") ? given.slice(1, -1) : given;
  if (isIP(name) !== 0 || /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) return name;
  throw new BadValue(`${shown(given)} is no host`, "give an address or a host name, without scheme and port, such as 127.0.0.1");
}

/** An address or a CIDR range, as `{address, bits, family}`. */
export interface AddressRange {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

/** Reads an address (`10.0.0.1`) or a CIDR range (`10.0.0.0/8`, `fd00::/8`). */
export function addressRange(given: string): AddressRange {
  const [address = "", bits, ...more] = given.split("/");
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  if (
    version === 0 ||
    address.includes("%") ||
    more.length > 0 ||
    (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  ) {
    throw new BadValue(
      `${shown(given)} is neither an address nor a range of addresses`,
      "give entries such as 10.0.0.1, 10.0.0.0/8 or fd00::/8",
    );
  }
  return { address, bits: bits === undefined ? most : Number(bits), family: version === 6 ? "ipv6" : "ipv4" };
}

/** An origin as browsers send it: scheme and host, no path. */
export function origin(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.origin !== given.replace(/\/$/, "").toLowerCase()) {
    throw new BadValue(
      `${shown(given)} is no origin`,
      "give scheme and host without a path, such as https://www.example.com; * is not allowed",
    );
  }
  return url.origin;
}

/** An https or http address, without a user name in it. */
export function webAddress(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new BadValue("it is no web address", "give one that begins with https://");
  if (url.username !== "" || url.password !== "") throw new BadValue("it holds a user name or a password", "give the address without them");
  return url.href;
}

/** A regular expression, without slashes around it. */
export function pattern(given: string): RegExp {
  try {
    return new RegExp(given, "u");
  } catch {
    throw new BadValue(
      "it is no regular expression",
      "give one in JavaScript's syntax, without slashes around it, such as ^sess_[a-z0-9]{9}$",
    );
  }
}

/** A folder, or a place in an S3-compatible bucket. */
export function backupTarget(given: string): string {
  if (/^s3:/i.test(given) && !/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^?#]*)?$/.test(given)) {
    throw new BadValue("it is no place in a bucket", "give s3://bucket/prefix, or a folder");
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(given) && !given.startsWith("s3://"))
    throw new BadValue("its scheme is not known", "give s3://bucket/prefix, or a folder");
  return given;
}
