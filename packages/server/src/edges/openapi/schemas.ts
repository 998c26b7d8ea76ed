import { commentOf } from "@berth/contract";
import { ScalarType } from "@bufbuild/protobuf";
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";

import {
  bytesLimits,
  durationPattern,
  isRequired,
  itemRules,
  numberPattern,
  numberRange,
  rulesOf,
  sizeLimits,
  textLimits,
} from "./limits.ts";
import type { Schema } from "./limits.ts";

const BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

type Rules = ReturnType<typeof rulesOf>;

/**
 * What a message is seen as: an answer has all fields in one spelling; a body may leave fields out or say null, and
 * write numbers as text and enums as numbers, as proto3 JSON allows; a query is text.
 */
export type View = "answer" | "body" | "query";

/** Schemas of messages, each once, by name. */
export interface Schemas {
  readonly components: Readonly<Record<string, Schema>>;
  /** Refers to a message. */
  refer(message: DescMessage, view: View): Schema;
  /** A message without some of its fields, in place. */
  object(message: DescMessage, view: View, without?: ReadonlySet<string>): Schema;
  field(field: DescField, view: View): Schema;
}

/** How the messages of a dialect are written. */
export interface SchemaOptions {
  /** Stands before the names of its messages. */
  readonly prefix: string;
  /** Whether an answer leaves out what is empty. */
  readonly isSparse: boolean;
}

/** Makes the schemas of messages, as they are asked for. */
export function createSchemas({ prefix, isSparse }: SchemaOptions): Schemas {
  const components: Record<string, Schema> = {};
  const refer = (message: DescMessage, view: View): Schema => {
    const known = wellKnown(message, view, undefined);
    if (known !== undefined) return known;
    const name = `${prefix}${message.name}${view === "answer" ? "" : "Input"}`;
    if (components[name] === undefined) {
      components[name] = {};
      components[name] = object(message, view);
    }
    return { $ref: `#/components/schemas/${name}` };
  };
  const single = (field: DescField, rules: Rules, view: View): Schema => {
    if (field.message !== undefined) return wellKnown(field.message, view, rules) ?? refer(field.message, view);
    if (field.enum !== undefined) return enumSchema(field.enum, rules, view);
    return scalarSchema(field.scalar, rules, view);
  };
  const typed = (field: DescField, view: View): Schema => {
    const rules = rulesOf(field);
    if (field.fieldKind === "list") {
      return { type: "array", items: single(field, itemRules(rules), view), ...sizeLimits(rules) };
    }
    if (field.fieldKind !== "map") return single(field, rules, view);
    return { type: "object", additionalProperties: single(field, itemRules(rules), view), ...sizeLimits(rules) };
  };
  const field = (one: DescField, view: View): Schema => {
    const description = commentOf(`${one.parent.typeName}.${one.name}`);
    const schema = typed(one, view);
    const isNullable = view === "body" && !isRequired(one);
    return { ...(isNullable ? orNull(schema) : schema), ...(description === "" ? {} : { description }) };
  };
  const object = (message: DescMessage, view: View, without: ReadonlySet<string> = new Set()): Schema => {
    const fields = message.fields.filter(({ name }) => !without.has(name));
    const isAlways = (one: DescField) => (view === "answer" ? !isSparse && isWritten(one) : isRequired(one));
    const required = fields.filter(isAlways).map(({ name }) => name);
    const description = commentOf(message.typeName);
    return {
      type: "object",
      ...(description === "" ? {} : { description }),
      properties: Object.fromEntries(fields.map((one) => [one.name, field(one, view)])),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    };
  };
  return { components, refer, object, field };
}

/** Answers have every field that cannot be absent. */
function isWritten(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return true;
  return field.fieldKind !== "message" && !field.proto.proto3Optional && field.oneof === undefined;
}

function orNull(schema: Schema): Schema {
  if (typeof schema.type === "string" && schema.enum === undefined) return { ...schema, type: [schema.type, "null"] };
  return { anyOf: [...((schema.anyOf as Schema[] | undefined) ?? [schema]), { type: "null" }] };
}

function wellKnown(message: DescMessage, view: View, rules: Rules): Schema | undefined {
  switch (message.typeName) {
    case "google.protobuf.Struct":
      return { type: "object", additionalProperties: true };
    case "google.protobuf.Duration":
      return { type: "string", pattern: durationPattern(view === "answer" ? undefined : rules), examples: ["300s"] };
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    default:
      return undefined;
  }
}

function enumSchema({ values: all, typeName }: DescEnum, rules: Rules, view: View): Schema {
  const refused = rules?.type.case === "enum" ? rules.type.value.notIn : [];
  const values = view === "answer" ? all : all.filter(({ number }) => !refused.includes(number));
  const text = values.map(({ name }) => [name, commentOf(`${typeName}.${name}`)]).filter(([, said]) => said !== "");
  const names = {
    ...{ type: "string", enum: values.map(({ name }) => name) },
    ...(text.length === 0 ? {} : { description: text.map(([name, said]) => `\`${name}\`: ${said}`).join("\n\n") }),
  };
  if (view !== "body") return names;
  const isClosed = rules?.type.case === "enum" && rules.type.value.definedOnly;
  const numbers = isClosed
    ? { type: "integer", enum: values.map(({ number }) => number) }
    : { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  return { anyOf: [names, numbers] };
}

function scalarSchema(scalar: ScalarType, rules: Rules, view: View): Schema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string", ...textLimits(rules) };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64", pattern: BASE64, ...bytesLimits(rules) };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number" };
    default: {
      const isLong = scalar !== ScalarType.INT32 && scalar !== ScalarType.UINT32;
      return integerSchema(rules, isLong, view);
    }
  }
}

function integerSchema(rules: Rules, isLong: boolean, view: View): Schema {
  const range = numberRange(rules, isLong);
  const text = { type: "string", pattern: numberPattern(range) };
  // Larger ones are not exact as numbers of JSON.
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  const [min, max] = [range.min < -safe ? -safe : range.min, range.max > safe ? safe : range.max];
  const number = { type: "integer", minimum: Number(min), maximum: Number(max) };
  if (view === "answer") return isLong ? { ...text, format: "int64" } : { ...number, format: "int32" };
  // A query is text, and whole numbers of 64 bits are exact in it.
  if (view === "query") return isLong ? text : number;
  return { anyOf: [number, text] };
}
