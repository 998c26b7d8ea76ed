import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { RequestContext } from "../releases/index.ts";
import { ACCESS_VERBS } from "./access-verbs.ts";
import { accept } from "./accept.ts";
import type { AcceptParts } from "./accept.ts";
import type { HomeCache } from "./store/cache.ts";
import type { HomeWrites } from "./store/writes.ts";
import { fromPayload } from "./payload.ts";
import { hasEnded, toOperation } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import type { Operation } from "./types.ts";

/**
 * Asks for the same once more: an operation that rests goes on at once, one that
 * failed or was cancelled is repeated as a new one, by whoever asks.
 * OPERATION_NOT_RETRYABLE where it runs, has succeeded, or its request is
 * forgotten.
 */
export type Retry = (principal: Principal, id: string, context: RequestContext) => Promise<Operation>;

/** What it is made of. */
export interface RetryParts {
  readonly access: Access;
  readonly audit: Audit;
  readonly cache: HomeCache;
  readonly writes: HomeWrites;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly offer: AcceptParts["offer"];
}

/** Makes it. */
export function createRetry(parts: RetryParts): Retry {
  return async (principal, id, context) => {
    const record = parts.cache.operation(id) ?? (await parts.writes.readOperation(id));
    if (record === undefined) {
      throw new BerthError("OPERATION_NOT_FOUND", `There is no operation "${id}".`, { field: "id" });
    }
    const { target, verb } = record.spec.request;
    await parts.access.check(principal, { verb: ACCESS_VERBS[verb], resource: "releases", ...target });
    const { requestId, traceparent } = context;
    const entry = { principal: principal.name, verb: "retry", resource: "operations", ...target };
    parts.audit({ ...entry, requestId, traceparent, operation: id, outcome: "asked" });
    return toOperation(await again(parts, principal, record, context));
  };
}

async function again(
  parts: RetryParts,
  principal: Principal,
  record: OperationRecord,
  context: RequestContext,
): Promise<OperationRecord> {
  const { writes, newId } = parts;
  const { status = {}, spec, metadata } = record;
  if (!hasEnded(record)) {
    if (status.state === "queued" && status.nextAttemptTime !== undefined) {
      return writes.writeStatus(record, { ...status, nextAttemptTime: undefined });
    }
    throw refused("It has not ended.");
  }
  if (status.state === "succeeded") throw refused("It has succeeded.");
  const data = (await writes.readPayload(spec.request.payload))?.data ?? {};
  if (data.command === undefined) throw refused("Its request is not kept any more.");
  const options = { policy: spec.request.policy, retryOf: metadata.name };
  const command = fromPayload(data);
  return accept(parts, { id: newId(), principal, command, context, options, reserve: undefined });
}

function refused(why: string): BerthError {
  return new BerthError("OPERATION_NOT_RETRYABLE", `The operation cannot be repeated. ${why}`, { field: "id" });
}
