import { commentOf, httpBindings, operation } from "@berth/contract";
import type { HttpBinding } from "@berth/contract";
import type { DescField, DescMessage } from "@bufbuild/protobuf";

import { takesChart } from "../rest/upload.ts";
import { BERTH, SWIFT } from "./dialects.ts";
import type { Dialect } from "./dialects.ts";
import { HAND_WRITTEN, HAND_WRITTEN_TAGS } from "./hand-written.ts";
import type { Schema } from "./limits.ts";
import { errorResponses } from "./problems.ts";
import { createSchemas } from "./schemas.ts";
import type { Schemas } from "./schemas.ts";

/** Levels of a query's dotted fields. */
const DEPTH = 2;

/** The OpenAPI 3.1 document of all that is served as REST: made of the table that serves it. */
export function createDocument(version: string): Schema {
  const paths: Record<string, Record<string, unknown>> = {};
  const components: Record<string, Schema> = {};
  for (const dialect of [BERTH, SWIFT]) addPaths(paths, components, dialect);
  for (const [path, item] of Object.entries(HAND_WRITTEN)) paths[path] = { ...paths[path], ...item };
  const tags = [BERTH, SWIFT].flatMap(({ services, tagOf }) =>
    services.map((service) => ({ name: tagOf(service), description: commentOf(service.typeName) })),
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "Berth",
      version,
      description:
        "Helm as a service and Expose as a service for Kubernetes. The same calls are there by gRPC, gRPC-Web and " +
        "Connect. A field that does not exist is refused, in a query too; null stands for a field that is left out.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "." }],
    tags: [...tags, ...HAND_WRITTEN_TAGS],
    paths,
    components: { schemas: components },
  };
}

/** Adds what a dialect serves, and the schemas that it refers to. */
function addPaths(
  paths: Record<string, Record<string, unknown>>,
  components: Record<string, Schema>,
  dialect: Dialect,
): void {
  const schemas = createSchemas(dialect.schemas);
  const seen = new Map<string, number>();
  for (const binding of httpBindings(dialect.services)) {
    const { name } = binding.method;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const path = (paths[binding.pattern] ??= {});
    const id = dialect.idOf(count === 1 ? name : `${name}${String(count)}`);
    path[binding.verb.toLowerCase()] = toOperation(dialect, schemas, binding, id);
  }
  Object.assign(components, schemas.components, { [dialect.errors.schema]: dialect.error });
}

function toOperation(dialect: Dialect, schemas: Schemas, binding: HttpBinding, operationId: string): Schema {
  const { method, verb } = binding;
  const comment = commentOf(`${method.parent.typeName}.${method.name}`);
  const answersOperation = method.output.typeName === operation.OperationSchema.typeName && verb !== "GET";
  return {
    operationId,
    tags: [dialect.tagOf(method.parent)],
    ...(dialect.isOld ? { deprecated: true } : {}),
    summary: comment.split(/(?<=[.:;])\s/, 1)[0]?.replace(/[.:;]$/, "") ?? method.name,
    description: comment,
    parameters: [
      ...parametersOf(schemas, binding),
      ...(answersOperation ? WRITE_PARAMETERS : []),
      ...(canResume(binding) ? [LAST_EVENT] : []),
    ],
    ...(binding.body === "" ? {} : { requestBody: bodyOf(schemas, binding, dialect.examples) }),
    responses: { ...responsesOf(schemas, binding, answersOperation), ...errorResponses(verb, dialect.errors) },
  };
}

/** A stream that goes on after a number. */
function canResume({ method: { methodKind, input } }: HttpBinding): boolean {
  return methodKind === "server_streaming" && input.fields.some(({ name }) => name === "after");
}

function variablesOf({ template }: HttpBinding): ReadonlySet<string> {
  return new Set(template.variables.map(({ field }) => field));
}

function parametersOf(schemas: Schemas, binding: HttpBinding): Schema[] {
  const { input } = binding.method;
  const variables = variablesOf(binding);
  const inPath = input.fields
    .filter(({ name }) => variables.has(name))
    .map((field) => {
      const { description, ...schema } = schemas.field(field, "query");
      return { name: field.name, in: "path", required: true, ...describe(description), schema: filled(schema) };
    });
  if (binding.body === "*") return inPath;
  return [...inPath, ...queryOf(schemas, input, new Set([...variables, binding.body]), "", DEPTH)];
}

/** A segment of a path is never empty. */
function filled(schema: Schema): Schema {
  return schema.type === "string" && schema.minLength === undefined ? { ...schema, minLength: 1 } : schema;
}

function queryOf(
  schemas: Schemas,
  message: DescMessage,
  without: ReadonlySet<string>,
  prefix: string,
  depth: number,
): Schema[] {
  return message.fields.flatMap((field): Schema[] => {
    if (without.has(field.name) || field.fieldKind === "map") return [];
    const name = `${prefix}${field.name}`;
    if (isNested(field)) {
      return depth === 0 ? [] : queryOf(schemas, field.message, new Set(), `${name}.`, depth - 1);
    }
    const { description, ...schema } = schemas.field(field, "query");
    const style = field.fieldKind === "list" ? { style: "form", explode: true } : {};
    return [{ name, in: "query", ...describe(description), ...style, schema }];
  });
}

function isNested(
  field: DescField,
): field is DescField & { readonly fieldKind: "message"; readonly message: DescMessage } {
  return field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.");
}

function describe(description: unknown): Schema {
  return description === undefined ? {} : { description };
}

function bodyOf(schemas: Schemas, binding: HttpBinding, examples: Dialect["examples"]): Schema {
  const { input, name } = binding.method;
  const example = examples[name];
  const field = input.fields.find((one) => one.name === binding.body);
  const schema =
    field === undefined ? schemas.object(input, "body", variablesOf(binding)) : schemas.field(field, "body");
  const json = { schema, ...(example === undefined ? {} : { examples: { usual: { value: example } } }) };
  const required = (schema.required as readonly string[] | undefined) !== undefined;
  if (!takesChart(input)) return { required: true, content: { "application/json": json } };
  const archive = {
    type: "string",
    format: "binary",
    description: "The chart's archive, at most 2 MiB with all else.",
  };
  return {
    required: true,
    description:
      "JSON; or the chart's archive itself, all else in the query; or a form with the archive in `chart` and the rest " +
      "as JSON in `request`, or field by field.",
    content: {
      "application/json": json,
      "application/gzip": { schema: archive },
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { chart: archive, request: { type: "string", contentMediaType: "application/json" } },
          ...(required ? { required: ["chart", "request"] } : {}),
        },
      },
    },
  };
}

function responsesOf(schemas: Schemas, { method }: HttpBinding, answersOperation: boolean): Schema {
  if (method.methodKind === "server_streaming") return { "200": streamOf(schemas, method.output) };
  const schema = schemas.refer(method.output, "answer");
  const content = { "application/json": { schema } };
  if (!answersOperation) return { "200": { description: "What was asked for.", content } };
  const events = { "text/event-stream": {} };
  return {
    "200": {
      description:
        "The operation has ended, well or not, or was a dry run; with `Accept: text/event-stream` its events until then.",
      content: { ...content, ...events },
    },
    "202": {
      description: "The operation is accepted and goes on.",
      headers: { location: { description: "Where it is read.", schema: { type: "string" } } },
      content,
    },
  };
}

/** What a stream's messages are as events: see rest/news.ts. A stream that fails on its way ends with an `error`. */
function streamOf(schemas: Schemas, output: DescMessage): Schema {
  const [choice] = output.oneofs;
  const told =
    choice === undefined
      ? [eventOf({ type: "string" }, schemas.refer(output, "answer"))]
      : choice.fields.flatMap(({ message, name }) =>
          message === undefined ? [] : [eventOf({ const: name }, schemas.refer(message, "answer"))],
        );
  const failed = eventOf({ const: "error" }, { $ref: "#/components/schemas/Problem" });
  const description = "Server-sent events, whose data are JSON.";
  return { description, content: { "text/event-stream": { itemSchema: { anyOf: [...told, failed] } } } };
}

/** One event, as OpenAPI 3.2 describes them. */
function eventOf(event: Schema, contentSchema: Schema): Schema {
  const data = { type: "string", contentMediaType: "application/json", contentSchema };
  return { type: "object", properties: { event, data, id: { type: "string" } }, required: ["event", "data"] };
}

const SECONDS = "How long to wait for the operation's end, at most 600 s; not at all where absent.";
const LAST_EVENT: Schema = {
  ...{ name: "Last-Event-ID", in: "header", description: "As `after`; a browser that comes back sends it." },
  schema: { type: "string", pattern: "^[0-9]{0,9}$" },
};
const WRITE_PARAMETERS: readonly Schema[] = [
  {
    name: "wait",
    in: "query",
    description: SECONDS,
    schema: { type: "string", pattern: "^[0-9]{1,9}s?$" },
    example: "30s",
  },
  { name: "Prefer", in: "header", description: `wait=30. ${SECONDS}`, schema: { type: "string" }, example: "wait=30" },
  {
    ...{ name: "Idempotency-Key", in: "header" },
    description: "The same key with the same request is the same operation for 24 h.",
    schema: { type: "string", pattern: "^[!-~]{1,255}$" },
  },
];
