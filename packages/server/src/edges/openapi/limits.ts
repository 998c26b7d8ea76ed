import { fieldRules } from "@berth/contract";
import type { FieldRules } from "@berth/contract";
import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

import { rangePattern } from "./ranges.ts";

/** A JSON Schema, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>;

/** The rules of a field in its proto; undefined for none. */
export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

/** Limits of a text. */
export function textLimits(rules: FieldRules | undefined): Schema {
  if (rules?.type.case !== "string") return {};
  const { minLen, maxLen, pattern } = rules.type.value;
  return {
    ...(minLen === 0n ? {} : { minLength: Number(minLen) }),
    ...(maxLen === 0n ? {} : { maxLength: Number(maxLen) }),
    ...(pattern === "" ? {} : { pattern }),
  };
}

/** Base64 of so many bytes. */
export function bytesLimits(rules: FieldRules | undefined): Schema {
  if (rules?.type.case !== "bytes" || rules.type.value.maxLen === 0n) return {};
  return { maxLength: Math.ceil(Number(rules.type.value.maxLen) / 3) * 4 };
}

const INT32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** Least and greatest number of a field. */
export function numberRange(rules: FieldRules | undefined, isLong: boolean): { min: bigint; max: bigint } {
  const { min, max } = isLong ? INT64 : INT32;
  const type = rules?.type;
  if (type?.case !== "int32" && type?.case !== "int64") return { min, max };
  const { greaterThan, lessThan } = type.value;
  const least =
    greaterThan.case === undefined ? min : BigInt(greaterThan.value) + (greaterThan.case === "gt" ? 1n : 0n);
  const most = lessThan.case === undefined ? max : BigInt(lessThan.value) - (lessThan.case === "lt" ? 1n : 0n);
  return { min: least, max: most };
}

/** A whole number as text. */
export function numberPattern({ min, max }: { min: bigint; max: bigint }): string {
  const positive = rangePattern(min < 0n ? 0n : min, max);
  return min < 0n ? `^(-${rangePattern(1n, -min)}|${positive})$` : `^${positive}$`;
}

/** Seconds as proto3 JSON writes them, such as 300s. */
export function durationPattern(rules: FieldRules | undefined): string {
  const fraction = "(\\.[0-9]{1,9})?";
  if (rules?.type.case !== "duration") return `^-?[0-9]{1,12}${fraction}s$`;
  const { greaterThan, lessThan } = rules.type.value;
  const from = greaterThan.value?.seconds ?? 0n;
  const to = lessThan.value?.seconds ?? 315_576_000_000n;
  const some = "0\\.(?=[0-9]*[1-9])[0-9]{1,9}";
  const first = greaterThan.case === "gt" && from === 0n ? 1n : from;
  const whole = `(${rangePattern(first, to - 1n)}${fraction}|${String(to)}(\\.0{1,9})?)`;
  return first === from ? `^${whole}s$` : `^(${some}|${whole})s$`;
}

/** Limits of a list or a map. */
export function sizeLimits(rules: FieldRules | undefined): Schema {
  if (rules?.type.case === "repeated") {
    const { minItems, maxItems, unique } = rules.type.value;
    return {
      ...(minItems === 0n ? {} : { minItems: Number(minItems) }),
      ...(maxItems === 0n ? {} : { maxItems: Number(maxItems) }),
      ...(unique ? { uniqueItems: true } : {}),
    };
  }
  if (rules?.type.case !== "map" || rules.type.value.maxPairs === 0n) return {};
  return { maxProperties: Number(rules.type.value.maxPairs) };
}

/** The rules of a list's items or a map's values. */
export function itemRules(rules: FieldRules | undefined): FieldRules | undefined {
  if (rules?.type.case === "repeated") return rules.type.value.items;
  return rules?.type.case === "map" ? rules.type.value.values : undefined;
}

/** Whether a request without the field is refused. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (rules?.required === true) return true;
  if (rules?.type.case === "repeated") return rules.type.value.minItems > 0n;
  if (field.fieldKind === "enum") return rules?.type.case === "enum" && rules.type.value.notIn.includes(0);
  if (field.fieldKind !== "scalar" || field.presence !== FeatureSet_FieldPresence.IMPLICIT) return false;
  const { pattern = "", minLength = 0 } = textLimits(rules) as { pattern?: string; minLength?: number };
  if (pattern !== "" && !new RegExp(pattern, "u").test("")) return true;
  const isNumber = rules?.type.case === "int32" || rules?.type.case === "int64";
  return minLength > 0 || (isNumber && numberRange(rules, false).min > 0n);
}
