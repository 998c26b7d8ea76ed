import { stringify } from "yaml";

import type { Json } from "./types.ts";

/** What stands in place of what the caller may not see. The engine says the same of Secrets in plans. */
export const REDACTED = "(redacted)";
/** The same, where it is another than before. */
const CHANGED = "(redacted, changed)";
/** How those begin. */
const MARK = /^\(redacted(, (as it is|changed))?\)$/;

type JsonObject = { readonly [key: string]: Json };

/** Keys, lists and nulls stay; of the rest it is said at most that it is another than `before`. Pure. */
export function redactValues(value: Json, before?: Json): Json {
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return list.map((one, index) => redactValues(one, Array.isArray(before) ? (before[index] as Json) : undefined));
  }
  if (isMap(value)) {
    const known = before !== undefined && isMap(before) ? before : {};
    const entry = ([key, one]: [string, Json]) => [key, redactValues(one, own(known, key))] as const;
    return Object.fromEntries(Object.entries(value).map(entry));
  }
  if (value === null) return null;
  return before === undefined || before === value ? REDACTED : CHANGED;
}

/** Values as YAML, redacted. Pure. */
export function redactedYaml(values: JsonObject, before?: JsonObject): string {
  return stringify(redactValues(values, before));
}

/** Whether somewhere in it stands, as a whole text, what stands in place of a value. Pure. */
export function hasRedacted(value: unknown): boolean {
  if (typeof value === "string") return MARK.test(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasRedacted);
}

function isMap(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(map: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
