import { BerthError } from "@berth/base";
import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";

/**
 * Walks JSON along a message's schema and throws at the first field that does
 * not exist (UNKNOWN_FIELD) or has the wrong type (INVALID_ARGUMENT), with its
 * path. Values themselves are left to proto3 JSON and to the rules of the proto.
 */
export function checkFields(schema: DescMessage, json: JsonObject, at: string): void {
  for (const [name, value] of Object.entries(json)) {
    const field = schema.fields.find((one) => one.name === name || one.jsonName === name);
    const path = at === "" ? name : `${at}.${name}`;
    if (field === undefined) throw new BerthError("UNKNOWN_FIELD", `There is no field "${path}".`, { field: path });
    if (value !== null) checkValue(field, value, path);
  }
}

function checkValue(field: DescField, value: JsonValue, path: string): void {
  switch (field.fieldKind) {
    case "list":
      if (!Array.isArray(value)) throw wrongType(path, "a list");
      if (field.listKind === "scalar")
        value.forEach((one, i) => checkScalar(field.scalar, one, `${path}[${String(i)}]`));
      break;
    case "map":
      if (!isObject(value)) throw wrongType(path, "an object");
      for (const [key, one] of Object.entries(value)) {
        if (field.mapKind === "scalar") checkScalar(field.scalar, one, `${path}.${key}`);
      }
      break;
    case "message":
      checkMessage(field.message, value, path);
      break;
    case "scalar":
      checkScalar(field.scalar, value, path);
      break;
    case "enum":
      if (typeof value === "number" || field.enum.values.some((one) => one.name === value)) break;
      throw new BerthError("INVALID_ARGUMENT", `"${path}" has no value ${JSON.stringify(value)}.`, {
        field: path,
        hint: `One of ${field.enum.values.map((one) => one.name).join(", ")}.`,
      });
  }
}

function checkMessage(schema: DescMessage, value: JsonValue, path: string): void {
  switch (schema.typeName) {
    case "google.protobuf.Struct":
      if (!isObject(value)) throw wrongType(path, "an object");
      break;
    case "google.protobuf.Duration":
      if (typeof value !== "string" || !/^-?\d+(\.\d{1,9})?s$/.test(value)) {
        throw wrongType(path, 'a duration in seconds, such as "300s"');
      }
      break;
    case "google.protobuf.Timestamp":
      if (typeof value !== "string") throw wrongType(path, "a time such as 2026-01-02T15:04:05Z");
      break;
    default:
      if (!isObject(value)) throw wrongType(path, "an object");
      checkFields(schema, value, path);
  }
}

function checkScalar(scalar: ScalarType, value: JsonValue, path: string): void {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      if (typeof value !== "string") throw wrongType(path, "a string");
      break;
    case ScalarType.BOOL:
      if (typeof value !== "boolean") throw wrongType(path, "true or false");
      break;
    default:
      if (typeof value !== "number" && !(typeof value === "string" && /^-?\d+$/.test(value))) {
        throw wrongType(path, "a number");
      }
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrongType(path: string, what: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `"${path}" is ${what}.`, { field: path });
}
