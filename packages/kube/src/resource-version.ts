import { BerthError } from "@berth/base";

/**
 * Whether resource version `a` is newer than `b`. They are compared as integers,
 * which Kubernetes guarantees since 1.35 (KEP-5504); empty is older than all.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

/** Checks a caller's resource version: an integer of at most 20 digits, as etcd's revisions. INVALID_ARGUMENT. */
export function checkResourceVersion(text: string): string {
  if (/^(0|[1-9]\d{0,19})$/.test(text)) return text;
  throw new BerthError("INVALID_ARGUMENT", "A resource version is a whole number.", { field: "min_resource_version" });
}
