import type { Json, ValueFinding } from "./types.ts";

type JsonObject = { readonly [key: string]: Json };

/** What has become of user-supplied values in other defaults, and the values carried over. Pure. */
export function compareValues(
  mine: JsonObject,
  defaults: JsonObject,
): { readonly findings: readonly ValueFinding[]; readonly carried: JsonObject } {
  const places = leaves(defaults, []);
  const taken = new Set(leaves(mine, []).map(({ keys }) => toPath(keys)));
  const findings: ValueFinding[] = [];
  let carried: JsonObject = {};
  for (const { keys, value } of leaves(mine, [])) {
    const found = judge(keys, value, defaults, places, taken);
    if (found !== undefined) findings.push({ path: toPath(keys), mine: JSON.stringify(value), ...found.finding });
    carried = put(carried, found?.to ?? keys, value);
  }
  return { findings: findings.sort((a, b) => (a.path < b.path ? -1 : 1)), carried };
}

interface Leaf {
  readonly keys: readonly string[];
  readonly value: Json;
}

/** Values that are no maps, and empty maps, with their keys. */
function leaves(value: Json, keys: readonly string[]): Leaf[] {
  if (!isMap(value) || Object.keys(value).length === 0) return keys.length === 0 ? [] : [{ keys, value }];
  return Object.entries(value).flatMap(([key, nested]) => leaves(nested, [...keys, key]));
}

interface Judgement {
  readonly finding: Omit<ValueFinding, "path" | "mine">;
  /** Where it has moved to. */
  readonly to?: readonly string[];
}

function judge(
  keys: readonly string[],
  value: Json,
  defaults: JsonObject,
  places: readonly Leaf[],
  taken: ReadonlySet<string>,
): Judgement | undefined {
  const known = look(defaults, keys);
  if (known.state === "free") return undefined;
  if (known.state === "there") {
    const text = JSON.stringify(known.value);
    if (text === JSON.stringify(value)) return { finding: { kind: "sameAsDefault", movedTo: "", default: text } };
    const isOther = value !== null && known.value !== null && typeOf(value) !== typeOf(known.value);
    return isOther ? { finding: { kind: "typeChanged", movedTo: "", default: text } } : undefined;
  }
  const others = places.filter(
    (place) =>
      place.keys.at(-1) === keys.at(-1) && typeOf(place.value) === typeOf(value) && !taken.has(toPath(place.keys)),
  );
  const [other] = others;
  if (other === undefined || others.length > 1) return { finding: { kind: "removed", movedTo: "", default: "" } };
  const movedTo = toPath(other.keys);
  return { finding: { kind: "moved", movedTo, default: JSON.stringify(other.value) }, to: other.keys };
}

type Look = { readonly state: "there"; readonly value: Json } | { readonly state: "free" | "missing" };

/** Looks a key up. Below an empty map or null every key is free: the chart leaves them to its user. */
function look(defaults: Json, keys: readonly string[]): Look {
  let at: Json = defaults;
  for (const key of keys) {
    if (at === null || (isMap(at) && Object.keys(at).length === 0)) return { state: "free" };
    if (!isMap(at)) return { state: "there", value: at };
    if (!Object.hasOwn(at, key)) return { state: "missing" };
    at = at[key] as Json;
  }
  return { state: "there", value: at };
}

function put(into: JsonObject, keys: readonly string[], value: Json): JsonObject {
  const [key = "", ...rest] = keys;
  if (rest.length === 0) return { ...into, [key]: value };
  const nested = Object.hasOwn(into, key) ? (into[key] as Json) : {};
  return { ...into, [key]: put(isMap(nested) ? nested : {}, rest, value) };
}

function isMap(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeOf(value: Json): string {
  return Array.isArray(value) ? "list" : typeof value;
}

/** Keys as Helm's --set has them. */
function toPath(keys: readonly string[]): string {
  return keys.map((key) => key.replaceAll(".", "\\.")).join(".");
}
