import { asBerthError } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { Audit, AuditEntry } from "../audit/index.ts";

/** What surrounds a request. */
export type ExposeContext = Pick<AuditEntry, "requestId" | "traceparent">;

/** What somebody wants to write. */
export interface Asked {
  readonly principal: Principal;
  /** In the words of Kubernetes RBAC for the check, in ours for the audit. */
  readonly access: "create" | "delete";
  readonly verb: string;
  readonly resource: "exposures" | "addresspools";
  readonly place: { readonly cluster: string; readonly namespace: string; readonly name: string };
  readonly context: ExposeContext;
}

/** Does what a principal wants, once it is allowed, and leaves its audit lines. */
export async function audited<Result>(
  parts: { readonly access: Access; readonly audit: Audit },
  { principal, access, verb, resource, place, context }: Asked,
  work: () => Promise<Result>,
): Promise<Result> {
  const audit = (outcome: AuditEntry["outcome"], error?: unknown) =>
    parts.audit({
      ...{ principal: principal.name, verb, resource, ...place, ...context, operation: "", outcome },
      code: error === undefined ? undefined : asBerthError(error).code,
    });
  try {
    await parts.access.check(principal, { verb: access, resource, ...place });
  } catch (error) {
    audit("denied", error);
    throw error;
  }
  audit("asked");
  try {
    const result = await work();
    audit("succeeded");
    return result;
  } catch (error) {
    audit("refused", error);
    throw error;
  }
}
