/** The API's description of itself. */
import type * as z from "zod";
import { jsonObject } from "./fields.ts";
import { route } from "./route.ts";

/** The routes of documents. */
export function documentRoutes() {
  const common = { method: "GET", tag: "documents", scopes: ["open"], failure: "Failed to show the documentation" } as const;
  return {
    openApi: route({
      ...common,
      name: "openApi",
      path: "/openapi.json",
      summary: "This document",
      answer: jsonObject().meta({ type: "object", description: "OpenAPI 3.1." }) as z.ZodType,
    }),
    docs: route({
      ...common,
      name: "docs",
      path: "/docs",
      summary: "This document as a page",
      answer: "text/html",
      errors: ["not_supported"],
    }),
    docsFile: route({
      ...common,
      name: "docsFile",
      path: "/docs/{file}",
      summary: "A file of that page",
      answer: "*/*",
      errors: ["not_found", "not_supported"],
    }),
  };
}
