import { httpBindings } from "@berth/contract";
import { toJson } from "@bufbuild/protobuf";
import type { DescMethod, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";

import { BerthApiError } from "../error.ts";

/** A call as HTTP: the path has its query. */
export interface RestRequest {
  readonly verb: string;
  readonly path: string;
  /** JSON; undefined where the rule has none. */
  readonly body: string | undefined;
}

/**
 * Writes a message as its method's google.api.http says: fields of the path, then the body, and the rest in the query.
 * Of several rules the first counts whose path is filled; BerthApiError where there is none.
 */
export function toRestRequest(method: DescMethod, message: Message): RestRequest {
  const json = toJson(method.input, message, { useProtoFieldName: true }) as JsonObject;
  const bindings = httpBindings([method.parent]).filter((one) => one.method === method);
  const fields = bindings.map(({ template }) => template.variables.map(({ field }) => field));
  const at = fields.findIndex((names) => names.every((name) => textOf(json[name]) !== ""));
  const binding = bindings[at];
  if (binding === undefined) {
    const field = fields[0]?.find((name) => textOf(json[name]) === "") ?? "";
    throw new BerthApiError(`"${field}" is missing.`, { code: "INVALID_ARGUMENT", field });
  }
  const path = binding.pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(textOf(json[name])));
  const rest = Object.fromEntries(Object.entries(json).filter(([name]) => fields[at]?.includes(name) !== true));
  if (binding.body === "*") return { verb: binding.verb, path, body: JSON.stringify(rest) };
  const { [binding.body]: inner = {}, ...others } = rest;
  const query = new URLSearchParams();
  addTo(query, "", binding.body === "" ? rest : others);
  const isBare = query.size === 0;
  return {
    verb: binding.verb,
    path: isBare ? path : `${path}?${query.toString()}`,
    body: binding.body === "" ? undefined : JSON.stringify(inner),
  };
}

/** Fields of messages have a dot between them; those that repeat stand more than once. */
function addTo(query: URLSearchParams, prefix: string, json: JsonObject): void {
  for (const [name, value] of Object.entries(json)) {
    if (Array.isArray(value)) for (const one of value) query.append(prefix + name, textOf(one));
    else if (typeof value === "object" && value !== null) addTo(query, `${prefix}${name}.`, value);
    else query.append(prefix + name, textOf(value));
  }
}

function textOf(value: JsonValue | undefined): string {
  return value === undefined || value === null || typeof value === "object" ? "" : String(value);
}
