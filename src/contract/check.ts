/** How a request's parts are checked: by a schema, whose first objection becomes one sentence. */
import * as z from "zod";
import { InvalidInputError } from "../core/errors.ts";

/** Part of a request: how it is documented, and how it is read. `read` throws `InvalidInputError` naming the field and the rule. */
export interface Part<T, S extends z.ZodType = z.ZodType> {
  readonly schema: S;
  read(value: unknown): T;
}

/** A body: JSON, unless it is absent. */
export interface Body<T> extends Part<T> {
  /** False: the body may be absent, which counts as `{}`. */
  readonly required: boolean;
  /** At most so many bytes. */
  readonly bytes: number;
}

/** `messages[3].role` */
function nameOf(path: readonly PropertyKey[]): string {
  let name = "";
  for (const key of path) name += typeof key === "number" ? `[${key}]` : `${name === "" ? "" : "."}${String(key)}`;
  return name;
}

/** Reads a value by a schema. Rules are predicates ("must be …"), put behind `name`, or, with a capital first, whole sentences. */
function read<S extends z.ZodType>(schema: S, value: unknown, name: (path: readonly PropertyKey[]) => string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const rule = issue?.message ?? "is not valid";
  throw new InvalidInputError(/^[A-Z]/.test(rule) ? rule : `${name(issue?.path ?? [])} ${rule}`);
}

/** Reads a body by a schema. Throws `InvalidInputError`. */
export function readBody<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  return read(schema, value, (path) => nameOf(path) || "The body");
}

/** A body that its schema says everything about. */
export function body<S extends z.ZodType>(schema: S, bytes: number, required: "required" | "optional"): Body<z.output<S>> {
  return { schema, required: required === "required", bytes, read: (value) => readBody(schema, value) };
}

/** Query parameters, each given as a text at most once. Unknown ones do not count. */
export function query<S extends z.ZodRawShape>(shape: S): Part<z.output<z.ZodObject<S>>, z.ZodObject<S>> {
  const schema = z.object(shape);
  return { schema, read: (value) => read(schema, value, ([name = "The query"]) => String(name)) };
}

/** An object of which only the known fields count. */
export function openObject<S extends z.ZodRawShape>(shape: S) {
  return z.object(shape, { error: "must be a JSON object" });
}

/** An object that must hold no other fields. */
export function closedObject<S extends z.ZodRawShape>(shape: S) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? `must hold no other fields than ${names}` : "must be a JSON object"),
  });
}
