/** The API's description of itself, and its readable page. */
import { openApiDocument, type Contract } from "../../contract/index.ts";
import { NotSupportedError } from "../../core/errors.ts";
import { PAGE, PAGE_FILES, PAGE_POLICY, PAGE_SCRIPT } from "../api-page.ts";
import type { AppOptions } from "../app-options.ts";
import type { Door } from "../door.ts";
import { RouteNotFoundError } from "../door-errors.ts";
import type { Reply } from "../reply.ts";

function missing(): NotSupportedError {
  return new NotSupportedError("The files of the API page are not installed here; /openapi.json says the same");
}

/** Puts the routes in. */
export function addDocumentRoutes(door: Door, contract: Contract, { version, apiPage }: Pick<AppOptions, "version" | "apiPage">): void {
  let document: string | undefined;
  const page = (body: Reply["body"], contentType: string): Reply => ({
    status: 200,
    body,
    headers: { "content-type": contentType, "content-security-policy": PAGE_POLICY, "cache-control": "no-cache" },
  });

  door.on(contract.openApi, async () => ({ status: 200, body: (document ??= JSON.stringify(openApiDocument(contract, { version }))) }));

  door.on(contract.docs, async () => {
    if (!apiPage) throw missing();
    return page(PAGE, "text/html; charset=utf-8");
  });

  door.on(contract.docsFile, async ({ c }) => {
    const file = c.req.param("file") ?? "";
    if (file !== "start.js" && !PAGE_FILES.includes(file)) throw new RouteNotFoundError();
    if (!apiPage) throw missing();
    if (file === "start.js") return page(PAGE_SCRIPT, "text/javascript; charset=utf-8");
    const found = await apiPage(file);
    if (!found) throw new RouteNotFoundError();
    return page(found.body, found.contentType);
  });
}
