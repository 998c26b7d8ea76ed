import { BerthError } from "@berth/base";
import { releaseService } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, Message } from "@bufbuild/protobuf";

import { bodyText, parseJsonBody } from "../shared/body.ts";

/** What an archive is sent as; Helm's own type of a layer is the last. */
const ARCHIVE_TYPES =
  /^application\/(gzip|x-gzip|x-tar|x-tgz|x-tar\+gzip|octet-stream|vnd\.cncf\.helm\.chart\.content\.v1\.tar\+gzip)\b/i;
const FORM_TYPE = /^multipart\/form-data\b/i;

/** A request that brings its chart along. */
export interface Upload {
  readonly archive: Uint8Array<ArrayBuffer> | undefined;
  /** The JSON of the request; empty where its fields stand in the form or query. */
  readonly body: JsonObject;
  readonly form: URLSearchParams;
}

/** Tells whether a method's request names a chart. */
export function takesChart(input: DescMessage): boolean {
  return input.fields.some((field) => field.message?.typeName === releaseService.ChartReferenceSchema.typeName);
}

/** Tells whether a body is an archive, or a form that may hold one. */
export function isUpload(type: string): boolean {
  return ARCHIVE_TYPES.test(type) || FORM_TYPE.test(type);
}

/**
 * Reads a chart sent raw, its request in the query, or as a form: the file in
 * `chart`, the request as JSON in `request`, or each field of it on its own.
 */
export async function readUpload(type: string, body: unknown, query: URLSearchParams): Promise<Upload> {
  const content = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (!FORM_TYPE.test(type)) return { archive: new Uint8Array(content), body: {}, form: query };
  if (query.size > 0) {
    throw new BerthError("UNKNOWN_FIELD", "A form has its fields in itself, not in the query.", {
      field: [...query.keys()][0],
    });
  }
  const parts = await readForm(type, content);
  let archive: Upload["archive"];
  let json: JsonObject = {};
  const form = new URLSearchParams();
  for (const [name, part] of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : Buffer.from(await part.arrayBuffer());
    if (name === "chart") archive = new Uint8Array(bytes);
    else if (name === "request") json = parseJsonBody(bodyText(bytes));
    else form.append(name, bytes.toString("utf8"));
  }
  return { archive, body: json, form };
}

async function readForm(type: string, content: Buffer): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(content), { headers: { "content-type": type } }).formData();
  } catch (error) {
    throw new BerthError("MALFORMED_BODY", "The form cannot be read: a part or its end is missing.", { cause: error });
  }
}

/** Puts an archive into a request. */
export function withChart(request: Message, archive: Upload["archive"]): Message {
  if (archive === undefined) return request;
  const chart = (request as { chart?: releaseService.ChartReference }).chart;
  return Object.assign(request, {
    chart: Object.assign(chart ?? create(releaseService.ChartReferenceSchema), { archive }),
  });
}
