import { BerthError } from "@berth/base";
import { releaseService } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, Message } from "@bufbuild/protobuf";
import { Busboy } from "@fastify/busboy";

import { BODY_LIMIT, bodyText, parseJsonBody } from "../shared/body.ts";

/** What an archive is sent as; Helm's own type of a layer is the last. */
const ARCHIVE_TYPES =
  /^application\/(gzip|x-gzip|x-tar|x-tgz|x-tar\+gzip|octet-stream|vnd\.cncf\.helm\.chart\.content\.v1\.tar\+gzip)\b/i;
const FORM_TYPE = /^multipart\/form-data\b/i;

/** Parts of a form. */
const MAX_PARTS = 100;

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
  let archive: Upload["archive"];
  let json: JsonObject = {};
  const form = new URLSearchParams();
  for (const [name, bytes] of await readForm(type, content)) {
    if (name === "chart") archive = new Uint8Array(bytes);
    else if (name === "request") json = parseJsonBody(bodyText(bytes));
    else form.append(name, bytes.toString("utf8"));
  }
  return { archive, body: json, form };
}

/** Parts of a form by name, files or not, in their order. The body has its limit already. */
function readForm(type: string, content: Buffer): Promise<[string, Buffer][]> {
  const malformed = (cause?: unknown) =>
    new BerthError("MALFORMED_BODY", "The form cannot be read: a part or its end is missing.", { cause });
  return new Promise((resolve, reject) => {
    const parts: [string, Buffer][] = [];
    try {
      const form = new Busboy({
        headers: { "content-type": type },
        limits: { parts: MAX_PARTS, fieldSize: BODY_LIMIT, fileSize: BODY_LIMIT },
      });
      form.on("field", (name, value) => parts.push([name, Buffer.from(value)]));
      form.on("file", (name, file) => {
        const part: [string, Buffer] = [name, Buffer.alloc(0)];
        parts.push(part);
        file.on("data", (chunk: Buffer) => (part[1] = Buffer.concat([part[1], chunk])));
        file.on("error", (error) => reject(malformed(error)));
      });
      form.on("partsLimit", () => reject(malformed()));
      form.on("error", (error) => reject(malformed(error)));
      form.on("finish", () => resolve(parts));
      form.end(content);
    } catch (error) {
      reject(malformed(error));
    }
  });
}

/** Puts an archive into a request. */
export function withChart(request: Message, archive: Upload["archive"]): Message {
  if (archive === undefined) return request;
  const chart = (request as { chart?: releaseService.ChartReference }).chart;
  return Object.assign(request, {
    chart: Object.assign(chart ?? create(releaseService.ChartReferenceSchema), { archive }),
  });
}
