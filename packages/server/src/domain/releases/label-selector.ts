import { BerthError } from "@berth/base";

/** Whether labels fit a selector. */
export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

const KEY = String.raw`(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?`;
const VALUE = String.raw`(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?`;
const EQUALITY = new RegExp(String.raw`^(${KEY})\s*(=|==|!=)\s*(${VALUE})$`);
const SET = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^()]*)\)$`);
const EXISTS = new RegExp(String.raw`^(!?)\s*(${KEY})$`);
const VALUE_ONLY = new RegExp(`^${VALUE}$`);

/**
 * Compiles a Kubernetes label selector (equality, set and existence
 * requirements, joined by commas). INVALID_ARGUMENT with field
 * `label_selector` where it is none.
 */
export function parseLabelSelector(selector: string): LabelMatcher {
  const requirements = splitRequirements(selector).map(parseRequirement);
  return (labels) => requirements.every((matches) => matches(labels));
}

function splitRequirements(selector: string): string[] {
  // A comma inside parentheses belongs to a set.
  return selector.trim() === "" ? [] : selector.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function parseRequirement(text: string): LabelMatcher {
  const equality = EQUALITY.exec(text);
  if (equality !== null) {
    const [, key = "", operator, value] = equality;
    return operator === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const set = SET.exec(text);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    if (!values.every((value) => VALUE_ONLY.test(value))) throw invalid(text);
    const isIn: LabelMatcher = (labels) => labels[key] !== undefined && values.includes(labels[key]);
    return operator === "in" ? isIn : (labels) => !isIn(labels);
  }
  const exists = EXISTS.exec(text);
  if (exists !== null) {
    const [, not, key = ""] = exists;
    return (labels) => Object.hasOwn(labels, key) !== (not === "!");
  }
  throw invalid(text);
}

function invalid(text: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `"${text}" is no label selector requirement.`, {
    field: "label_selector",
    hint: "Write it as kubectl takes it: team=payments,tier!=test,env in (a,b).",
  });
}
