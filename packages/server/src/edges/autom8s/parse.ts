import { BerthError } from "@berth/base";

import { parseJsonBody } from "../shared/body.ts";

/** The fields of a body, JSON or form. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a body as JSON or as a form, whichever it is: curl calls everything a
 * form. In a form, `values[key]=v` and a JSON text in `values` are the same.
 */
export function parseFields(text: string): Fields {
  if (text.trimStart().startsWith("{")) return parseJsonBody(text);
  const fields: Record<string, unknown> = {};
  const values: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const inner = /^values\[(.+)\]$/.exec(key)?.[1];
    if (inner !== undefined) values[inner] = value;
    else fields[key] = key === "values" ? parseJsonBody(value) : value;
  }
  return Object.keys(values).length === 0 ? fields : { ...fields, values };
}

/** A text; undefined where it is absent or empty. */
export function text(fields: Fields, ...names: readonly string[]): string | undefined {
  const [name, value] = find(fields, names);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw wrong(name, "a text");
}

/** A flag: true, "true", 1 or an empty text say yes. */
export function flag(fields: Fields, ...names: readonly string[]): boolean | undefined {
  const [name, value] = find(fields, names);
  if (value === undefined || value === null) return undefined;
  if (value === true || value === "true" || value === 1 || value === "1" || value === "") return true;
  if (value === false || value === "false" || value === 0 || value === "0") return false;
  throw wrong(name, "true or false");
}

/** A list of texts; a single text is a list of one. */
export function texts(fields: Fields, ...names: readonly string[]): readonly string[] {
  const [name, value] = find(fields, names);
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw wrong(name, "a text or a list of texts");
}

/** A time in Helm's way (`5m30s`) or in seconds, as milliseconds; at most 24 h. */
export function duration(fields: Fields, ...names: readonly string[]): number | undefined {
  const given = text(fields, ...names);
  if (given === undefined) return undefined;
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(/^\d+$/.test(given) ? `${given}s` : given);
  const [, hours = "0", minutes = "0", seconds = "0"] = parts ?? [];
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  if (parts === null || ms <= 0 || ms > 86_400_000) throw wrong(names[0] ?? "timeout", "a time such as 300 or 5m30s");
  return ms;
}

/** Refuses fields that nobody knows. */
export function onlyKnown(fields: Fields, known: ReadonlySet<string>): void {
  const unknown = Object.keys(fields).find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new BerthError("UNKNOWN_FIELD", `There is no field "${unknown}".`, { field: unknown });
}

/**
 * `values` as Helm's --set: a key is a path, a value is read as --set reads it.
 * Objects and lists, which --set cannot say, go as --set-json.
 */
export function values(fields: Fields): { set: string[]; setJson: string[] } {
  const given = fields.values ?? {};
  if (typeof given !== "object" || Array.isArray(given)) throw wrong("values", "an object");
  const set: string[] = [];
  const setJson: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === "object" && value !== null) setJson.push(`${key}=${JSON.stringify(value)}`);
    else set.push(`${key}=${String(value)}`);
  }
  return { set, setJson };
}

function find(fields: Fields, names: readonly string[]): readonly [string, unknown] {
  const name = names.find((one) => Object.hasOwn(fields, one)) ?? names[0] ?? "";
  return [name, fields[name]];
}

function wrong(field: string, what: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `"${field}" is not ${what}.`, { field });
}
