import type { Verb } from "../command.ts";

/** Kubernetes' verb for each of Helm's, for the access check. */
export const ACCESS_VERBS = {
  install: "create",
  upgrade: "update",
  rollback: "update",
  uninstall: "delete",
  test: "update",
  unlock: "update",
} as const satisfies Record<Verb, string>;
