import { asBerthError } from "@berth/base";

import type { Audit, AuditEntry } from "../audit/index.ts";
import type { Access, AccessRequest } from "./access.ts";
import type { Principal } from "./principal.ts";

/** What surrounds the write of a declared object. */
export type AuditedContext = Pick<AuditEntry, "requestId" | "traceparent">;

/** A declared object that somebody wants to write. */
export interface AuditedWrite {
  readonly principal: Principal;
  /** In the words of Kubernetes RBAC for the check, in ours for the audit. */
  readonly access: AccessRequest["verb"];
  readonly verb: string;
  readonly resource: AccessRequest["resource"];
  readonly place: { readonly cluster: string; readonly namespace: string; readonly name: string };
  readonly context: AuditedContext;
}

/** Does what a principal wants of a declared object, once it is allowed, and leaves its audit lines. */
export async function audited<Result>(
  parts: { readonly access: Access; readonly audit: Audit },
  { principal, access, verb, resource, place, context }: AuditedWrite,
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
