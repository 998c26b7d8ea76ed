import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { FastifyInstance, FastifyReply } from "fastify";

import type { Berth } from "../../berth.ts";
import { createDocument } from "./document.ts";

/** Beside the bundle, in Berth's image; elsewhere they are where npm has put them. */
const IN_IMAGE = join(import.meta.dirname, "docs-assets");

/** Files of Swagger UI that the page is made of, each with its type. */
export const ASSETS: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};

/** Nothing comes from elsewhere. Swagger UI draws its icons from data and sets styles of its own. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Berth</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

// Paths are relative: the page works behind the API server's proxy too.
const START = `SwaggerUIBundle({
  url: "openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "none", validatorUrl: null, tryItOutEnabled: false,
});
`;

/** `/openapi.json`, and `/docs`, a page of it that needs nothing but this server. */
export function registerOpenApi(app: FastifyInstance, berth: Berth): void {
  const document = JSON.stringify(createDocument(berth.version));
  const headers = { "content-security-policy": POLICY, "x-content-type-options": "nosniff" };
  const send = (reply: FastifyReply, type: string, body: string | Buffer) =>
    reply
      .headers({ ...headers, "cache-control": "no-cache" })
      .type(type)
      .send(body);
  app.get("/openapi.json", (_request, reply) => send(reply, "application/json", document));
  app.get("/docs", (_request, reply) => send(reply, "text/html; charset=utf-8", PAGE));
  app.get("/docs/start.js", (_request, reply) => send(reply, "text/javascript; charset=utf-8", START));
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`/docs/${name}`, async (_request, reply) => send(reply, type, await readFile(join(assetFolder(), name))));
  }
}

/** Where the files of Swagger UI are. */
export function assetFolder(): string {
  if (existsSync(IN_IMAGE)) return IN_IMAGE;
  return dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/swagger-ui.css")));
}
