/** The API page: Swagger UI around the OpenAPI document, from our own address alone, with no inline script or style. */

/** Its strict content security policy. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The files that the runtime has, beside the page and its script. */
export const PAGE_FILES: readonly string[] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/** The page's own script. */
export const PAGE_SCRIPT = `"use strict";
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null,
});
`;

/** The page. Addresses are relative, so that it works under any prefix. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>itera-conversations API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="api"><p>The API is described in <a href="openapi.json">openapi.json</a>. This page shows it with JavaScript.</p></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;
