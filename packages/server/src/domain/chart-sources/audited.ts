import { asBerthError } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { Audit, AuditEntry } from "../audit/index.ts";
import type { SourceCommand } from "./types.ts";

/** What surrounds a request. */
export type SourceContext = Pick<AuditEntry, "requestId" | "traceparent">;

/** Kubernetes' verb for each of ours, for the access check. */
const ACCESS_VERBS = {
  create: "create",
  update: "update",
  delete: "delete",
  refresh: "update",
} as const satisfies Record<SourceCommand["verb"], string>;

/** Does what a principal wants of a source, once it is allowed, and leaves its audit lines. */
export async function audited<Result>(
  parts: { readonly access: Access; readonly audit: Audit; readonly cluster: string },
  request: { readonly principal: Principal; readonly command: SourceCommand; readonly context: SourceContext },
  work: () => Promise<Result>,
): Promise<Result> {
  const { principal, command, context } = request;
  const place = { resource: "chartsources", cluster: parts.cluster, ...command.target };
  const audit = (outcome: AuditEntry["outcome"], error?: unknown) =>
    parts.audit({
      ...{ principal: principal.name, verb: command.verb, ...place, ...context, operation: "", outcome },
      code: error === undefined ? undefined : asBerthError(error).code,
    });
  try {
    await parts.access.check(principal, { verb: ACCESS_VERBS[command.verb], ...place });
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
