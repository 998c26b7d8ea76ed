import type { Schema } from "./limits.ts";

const text = { type: "string" };
const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});
const json = (description: string, schema: Schema) => ({ description, content: { "application/json": { schema } } });

export const HAND_WRITTEN_TAGS: readonly Schema[] = [
  { name: "Health", description: "Health and metrics." },
  {
    name: "Autom8s",
    description: "The old API of Autom8s: a form or JSON, and two answers. Later fields count as Helm's.",
  },
];

const live = { status: { type: "string", const: "ok" } };
const health = (path: string) => ({
  get: {
    ...{ operationId: `get${path}`, tags: ["Health"], summary: "Says that the process answers" },
    responses: { "200": json("It does.", { type: "object", properties: live, required: ["status"] }) },
  },
});

const checks = {
  type: "object",
  properties: {
    status: { type: "string", enum: ["ok", "not ready"] },
    checks: {
      type: "array",
      items: {
        type: "object",
        properties: { name: text, ok: { type: "boolean" }, reason: text },
        required: ["name", "ok", "reason"],
      },
    },
  },
  required: ["status", "checks"],
};

const flag = { type: ["boolean", "null"] };
const word = { type: ["string", "null"] };
const name = { ...word, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 53 };
const target = { releaseName: name, namespace: { ...name, maxLength: 63 } };
const options = { wait: flag, timeout: { ...word, examples: ["5m30s"] }, atomic: flag, force: flag, dryRun: flag };
const chart = {
  chartName: { type: "string", minLength: 1, description: "stable/web, a URL, or oci://…" },
  privateChartsRepo: word,
  version: word,
  values: { type: ["object", "null"], description: "As Helm's --set: a key is a path." },
};
const succeeded = (extra: Record<string, Schema>) => ({
  type: "object",
  properties: { status: { type: "string", const: "success" }, ...extra },
  required: ["status", ...Object.keys(extra)],
});
const failed = {
  ...{ type: "object", properties: { status: { type: "string", const: "failed" }, reason: text } },
  required: ["status", "reason"],
};
const autom8s = (path: string, summary: string, body: Schema, answer: Record<string, Schema>) => ({
  post: {
    ...{ operationId: `autom8s/${path}`, tags: ["Autom8s"], summary, deprecated: true },
    requestBody: { required: true, content: { "application/json": { schema: body } } },
    responses: {
      "200": json("It was done.", succeeded(answer)),
      "403": problem("FORBIDDEN"),
      "413": json("The body is too large.", failed),
      "500": json("It was not done, whatever the reason.", failed),
    },
  },
});
const object = (properties: Record<string, Schema>, ...required: string[]) => ({
  ...{ type: "object", properties, additionalProperties: true },
  ...(required.length === 0 ? {} : { required }),
});
const installed = { serviceName: word, releaseName: text };

/** What is served as HTTP and stands in no proto. */
export const HAND_WRITTEN: Readonly<Record<string, Schema>> = {
  "/livez": health("/livez"),
  "/healthz": health("/healthz"),
  "/readyz": {
    get: {
      ...{
        operationId: "get/readyz",
        tags: ["Health"],
        summary: "Says whether Berth can do its work, and if not, why",
      },
      responses: { "200": json("It can.", checks), "503": json("It cannot.", checks) },
    },
  },
  "/metrics": {
    get: {
      ...{ operationId: "get/metrics", tags: ["Health"], summary: "Metrics in Prometheus' text" },
      responses: {
        "200": { description: "docs/operate.md explains them.", content: { "text/plain": { schema: text } } },
      },
    },
  },
  "/install": autom8s(
    "install",
    "Installs a chart",
    object({ ...target, ...options, ...chart }, "chartName"),
    installed,
  ),
  "/upgrade": autom8s(
    "upgrade",
    "Upgrades a release",
    object({ ...target, ...options, ...chart, releaseName: { ...name, type: "string" } }, "chartName", "releaseName"),
    installed,
  ),
  "/delete": autom8s(
    "delete",
    "Deletes a release",
    object({ ...target, ...options, releaseName: { ...name, type: "string" } }, "releaseName"),
    { releaseName: text },
  ),
};
