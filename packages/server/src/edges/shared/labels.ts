import { BerthError } from "@berth/base";

/** Labels that Helm and Berth set themselves. */
const RESERVED = /^(name|owner|status|version|createdAt|modifiedAt|berth\.dev\/.*)$/;
const PREFIX = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?/;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Checks a caller's labels by Kubernetes' rules, before Helm would store half of a release. */
export function checkLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(labels)) {
    const name = key.replace(PREFIX, "");
    if (RESERVED.test(key)) throw invalid(key, "is set by Helm and Berth themselves");
    if (!NAME.test(name) || key.length > 253 + 64) throw invalid(key, "is no label key");
    if (value !== "" && !NAME.test(value)) throw invalid(key, "has a value that is no label value");
  }
  return labels;
}

function invalid(key: string, what: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `The label "${key}" ${what}.`, {
    field: `labels.${key}`,
    hint: "Letters, digits, -, _ and ., at most 63 characters; a key may have a DNS name and / before it.",
  });
}
