import { BerthError } from "@berth/base";

/** RFC 1123 subdomain and label, as Kubernetes has them. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Helm's limit of a release's name. */
const MAX_RELEASE = 53;

/** Checks the name of a release in the old dialects, whose messages have no rules; INVALID_ARGUMENT names the field. */
export function checkReleaseName(
  field: string,
  name: string,
  hint = "Lower-case letters, digits, - and ., at most 53 characters.",
): void {
  if (name.length <= MAX_RELEASE && SUBDOMAIN.test(name)) return;
  throw new BerthError("INVALID_ARGUMENT", `"${field}" is no release name.`, { field, hint });
}

/** The same of a namespace's name. */
export function checkNamespaceName(field: string, name: string): void {
  if (name.length <= 63 && LABEL.test(name)) return;
  const hint = "Lower-case letters, digits and -, at most 63 characters.";
  throw new BerthError("INVALID_ARGUMENT", `"${field}" is no namespace.`, { field, hint });
}
