// The lint rule that applies the import table: every import, export … from, import() and import type of a file is resolved and looked up.

import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isBuiltin } from "node:module";
import { ROOMS, type Room } from "./import-table.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The part of a syntax tree that the rule reads. */
interface ImportNode {
  readonly type: string;
  readonly source: { readonly type: string; readonly value?: unknown } | null;
  readonly importKind?: "type" | "value";
  readonly exportKind?: "type" | "value";
}

interface Context {
  readonly filename: string;
  report(finding: { node: ImportNode; message: string }): void;
}

/** The room in which a path (from the root, with forward slashes) lies, or null. */
function roomOf(path: string): string | null {
  const inside = Object.keys(ROOMS).filter((room) => path === room || path.startsWith(`${room}/`));
  return inside.toSorted((a, b) => b.length - a.length)[0] ?? null;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function permits(list: readonly string[] | "any" | undefined, name: string): boolean {
  return list === "any" || (list ?? []).includes(name);
}

function listed(list: readonly string[] | "any" | undefined): string {
  return list === "any" ? "any" : (list ?? []).join(", ") || "none";
}

/** Why `specifier` may not be imported by the file at `path` (from the root), or null if it may. */
function objection(path: string, specifier: string, typeOnly: boolean): string | null {
  const name = roomOf(path);
  if (name === null) return path.startsWith("src/") ? `${path} lies in no room of the import table; add its folder there or move it` : null;
  const room = ROOMS[name] as Room;
  if (specifier.startsWith(".")) {
    const target = relative(root, join(root, dirname(path), specifier))
      .split(sep)
      .join("/");
    const other = roomOf(target);
    if (other === name || (other !== null && room.rooms.includes(other))) return null;
    if (other !== null && room.types?.includes(other))
      return typeOnly ? null : `${name} may import only types of ${other}; write \`import type\``;
    return `${name} may not import ${other ?? target}; it may import: ${listed([...room.rooms, ...(room.types ?? [])])}`;
  }
  if (isBuiltin(specifier))
    return permits(room.node, specifier)
      ? null
      : `${name} may not import ${specifier}; modules of Node it may import: ${listed(room.node)}`;
  return permits(room.packages, packageOf(specifier))
    ? null
    : `${name} may not import ${specifier}; packages it may import: ${listed(room.packages)}`;
}

function create(context: Context): Record<string, (node: ImportNode) => void> {
  const path = relative(root, context.filename).split(sep).join("/");
  if (path.endsWith(".test.ts") || path.endsWith(".test.tsx")) return {};
  const check = (node: ImportNode): void => {
    if (node.source === null || typeof node.source.value !== "string") return;
    const typeOnly = node.importKind === "type" || node.exportKind === "type" || node.type === "TSImportType";
    const message = objection(path, node.source.value, typeOnly);
    if (message !== null) context.report({ node, message });
  };
  return {
    ImportDeclaration: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
    ImportExpression: check,
    TSImportType: check,
  };
}

export default { meta: { name: "rooms" }, rules: { imports: { create } } };
