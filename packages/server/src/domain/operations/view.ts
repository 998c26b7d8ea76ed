import { BerthError } from "@berth/base";

import type { Access } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { OperationRegistry } from "./registry.ts";
import type { OperationView } from "./types.ts";

/** Operations as a caller may see them. */
export function createOperationView(parts: {
  readonly access: Access;
  readonly audit: Audit;
  readonly registry: OperationRegistry;
}): OperationView {
  const { access, audit, registry } = parts;
  return {
    async get(principal, id) {
      const operation = registry.get(id);
      await access.check(principal, { verb: "get", resource: "operations", ...where(operation), name: id });
      return operation;
    },
    async cancel(principal, id, context) {
      const operation = registry.get(id);
      await access.check(principal, { verb: "update", resource: "operations", ...where(operation), name: id });
      audit({
        principal: principal.name,
        verb: "cancel",
        resource: "operations",
        ...where(operation),
        name: operation.release,
        requestId: context.requestId,
        traceparent: context.traceparent,
        operation: id,
        outcome: "asked",
      });
      return registry.cancel(id, new BerthError("CANCELLED", `Cancelled by ${principal.name}.`));
    },
  };
}

function where(operation: { cluster: string; namespace: string }): { cluster: string; namespace: string } {
  return { cluster: operation.cluster, namespace: operation.namespace };
}
