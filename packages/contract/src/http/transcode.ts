import { BerthError } from "@berth/base";
import { ScalarType, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";

import { checkFields } from "./fields.ts";

/** The parts of a request that fill its message. */
export interface RequestParts {
  readonly variables: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Fields of a form, by name; like query parameters, but allowed beside any body. */
  readonly form?: URLSearchParams;
  /** The parsed body; undefined where there is none. */
  readonly body: JsonValue | undefined;
  /** As the HTTP rule says. */
  readonly bodyRule: string;
}

/**
 * Makes a request message as google.api.http says: path variables, then query
 * parameters, over the body. UNKNOWN_FIELD and INVALID_ARGUMENT name the field.
 */
export function toRequest(schema: DescMessage, parts: RequestParts): Message {
  const json: JsonObject = {};
  if (parts.bodyRule === "*" && parts.body !== undefined) Object.assign(json, parts.body);
  else if (parts.bodyRule !== "" && parts.body !== undefined) json[parts.bodyRule] = parts.body;
  for (const key of new Set(parts.query.keys())) {
    if (parts.bodyRule === "*") throw unknownParameter(key);
    setPath(schema, json, key, parts.query.getAll(key));
  }
  const form = parts.form ?? new URLSearchParams();
  for (const key of new Set(form.keys())) setPath(schema, json, key, form.getAll(key));
  for (const [field, value] of Object.entries(parts.variables)) {
    // A body that names another than the path is a mistake, not a preference.
    const name = schema.fields.find((one) => one.name === field)?.jsonName ?? field;
    const given = json[field] ?? json[name];
    if (given !== undefined && given !== value) {
      throw new BerthError("INVALID_ARGUMENT", `"${field}" of the body is not that of the path.`, { field });
    }
    setPath(schema, json, field, [value]);
  }
  checkFields(schema, json, "");
  try {
    return fromJson(schema, json);
  } catch (error) {
    const field = /field [\w.]+\.(\w+)/.exec(String(error))?.[1];
    throw new BerthError("INVALID_ARGUMENT", "A field has a value that it cannot have.", { field, cause: error });
  }
}

/** The JSON of an answer: proto3 JSON with the proto's own field names, defaults written out. */
export function toAnswer(schema: DescMessage, message: Message): JsonValue {
  return toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true });
}

/** Messages that are never changed, and the text of their answers once it was asked for. */
const lasting = new WeakMap<Message, string | undefined>();

/** Says that a message is never changed: where many answers have it, its text is made once. */
export function keepAnswer<M extends Message>(message: M): M {
  if (!lasting.has(message)) lasting.set(message, undefined);
  return message;
}

/** The text of `toAnswer`: lists of messages that last are put together of their own texts. */
export function toAnswerText(schema: DescMessage, message: Message): string {
  const known = lasting.get(message);
  if (known !== undefined) return known;
  const list = schema.fields.find((field) => field.fieldKind === "list" && isLasting(message, field.localName));
  if (list?.fieldKind !== "list" || list.listKind !== "message") {
    const text = JSON.stringify(toAnswer(schema, message));
    if (lasting.has(message)) lasting.set(message, text);
    return text;
  }
  const items = (message as unknown as Record<string, Message[]>)[list.localName] ?? [];
  const { [list.name]: _none, ...rest } = toAnswer(schema, {
    ...message,
    [list.localName]: [],
  }) as JsonObject;
  const first = `${JSON.stringify(list.name)}:[${items.map((item) => toAnswerText(list.message, item)).join(",")}]`;
  const others = JSON.stringify(rest).slice(1);
  return others === "}" ? `{${first}}` : `{${first},${others}`;
}

function isLasting(message: Message, name: string): boolean {
  const items = (message as unknown as Record<string, unknown>)[name];
  return Array.isArray(items) && items.length > 0 && items.every((item) => lasting.has(item as Message));
}

/** Sets a field by its dotted path from texts, as its type says. */
function setPath(schema: DescMessage, json: JsonObject, path: string, values: readonly string[]): void {
  const [name = "", ...rest] = path.split(".");
  const field = schema.fields.find((one) => one.name === name || one.jsonName === name);
  if (field === undefined) throw unknownParameter(path);
  if (rest.length > 0) {
    if (field.fieldKind !== "message") throw unknownParameter(path);
    const nested = (json[field.name] ?? {}) as JsonObject;
    json[field.name] = nested;
    setPath(field.message, nested, rest.join("."), values);
    return;
  }
  if (field.fieldKind === "list") {
    json[field.name] = values.map((value) => fromText(field, value));
    return;
  }
  if (values.length > 1)
    throw new BerthError("INVALID_ARGUMENT", `"${path}" is given more than once.`, { field: path });
  delete json[field.jsonName];
  json[field.name] = fromText(field, values[0] ?? "");
}

function fromText(field: DescField, text: string): JsonValue {
  const isBool = field.fieldKind === "scalar" && field.scalar === ScalarType.BOOL;
  if (!isBool) return text;
  if (text === "true" || text === "1" || text === "") return true;
  if (text === "false" || text === "0") return false;
  throw new BerthError("INVALID_ARGUMENT", `"${field.name}" is true or false.`, { field: field.name });
}

function unknownParameter(name: string): BerthError {
  return new BerthError("UNKNOWN_FIELD", `There is no query parameter "${name}" here.`, { field: name });
}
