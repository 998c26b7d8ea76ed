import type { LabelSelector, PoolSpec } from "./resource.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether a namespace may use a pool: nobody may unless the pool says so. Pure. */
export function isAllowed({ allowedNamespaces }: PoolSpec, namespace: string, labels: Labels): boolean {
  const { all, names = [], selector } = allowedNamespaces ?? {};
  return all === true || names.includes(namespace) || (selector !== undefined && fits(selector, labels));
}

/** Whether labels fit a selector. One that asks for nothing fits nothing. */
function fits({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  const pairs = Object.entries(matchLabels);
  if (pairs.length + matchExpressions.length === 0) return false;
  return (
    pairs.every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "Exists":
          return value !== undefined;
        case "DoesNotExist":
          return value === undefined;
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
      }
    })
  );
}
