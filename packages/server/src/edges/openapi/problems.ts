import { describeCode, ERROR_CODES } from "@berth/base";
import type { ErrorCode, ErrorKind } from "@berth/base";

import { statusOfKind } from "../shared/errors.ts";
import type { Schema } from "./limits.ts";

const text = { type: "string" };

/** Problem details of RFC 9457, as every error is told. */
export const PROBLEM: Schema = {
  type: "object",
  description: "Problem details (RFC 9457). docs/errors.md has all codes.",
  properties: {
    type: { type: "string", format: "uri" },
    title: text,
    status: { type: "integer" },
    detail: text,
    code: { type: "string", enum: Object.keys(ERROR_CODES), description: "Stable: it never changes its meaning." },
    hint: { type: "string", description: "What to do next." },
    field: { type: "string", description: "The field of the request at fault." },
    object: {
      type: "object",
      description: "The object of the cluster at fault.",
      properties: { kind: text, namespace: text, name: text },
    },
    reason: { type: "string", description: "What Kubernetes says of it." },
    details: { type: "object", additionalProperties: text },
    request_id: text,
  },
  required: ["type", "title", "status", "detail", "code", "hint", "request_id"],
  additionalProperties: false,
};

const EXAMPLE = {
  type: "https://berth.dev/errors#release_not_found",
  title: "There is no release of this name",
  ...{ status: 404, detail: 'There is no release "web".', code: "RELEASE_NOT_FOUND" },
  hint: "List the releases of the namespace.",
  request_id: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
};

/** Kinds of errors that only a request with a body, or a write, can have. */
const OF_WRITES: readonly ErrorKind[] = ["conflict", "too_large", "unsupported_media_type", "exhausted", "cancelled"];
/** What no request has that fits the document. */
const OF_NOBODY: readonly ErrorKind[] = ["method_not_allowed"];

/** How the errors of a dialect are written. */
export interface ErrorShape {
  readonly mediaType: string;
  readonly schema: string;
  readonly example: Schema;
}

/** Those of Berth's own API. */
export const PROBLEMS: ErrorShape = { mediaType: "application/problem+json", schema: "Problem", example: EXAMPLE };

/** The errors of an operation, by status, each with the codes it may have. */
export function errorResponses(verb: string, { mediaType, schema: name, example }: ErrorShape): Schema {
  const byStatus = new Map<number, string[]>();
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const { kind } = describeCode(code);
    if (OF_NOBODY.includes(kind) || (verb === "GET" && OF_WRITES.includes(kind))) continue;
    const status = statusOfKind(kind);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const schema = { $ref: `#/components/schemas/${name}` };
      const examples = status === EXAMPLE.status ? { examples: { usual: { value: example } } } : {};
      return [String(status), { description: codes.join(", "), content: { [mediaType]: { schema, ...examples } } }];
    }),
  );
}
