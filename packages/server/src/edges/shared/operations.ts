import { operationService } from "@berth/contract";
import type { operation as op } from "@berth/contract";

import type { Berth } from "../../berth.ts";
import { STATES, VERBS, fromOperation } from "./from-domain.ts";
import type { AddHandler } from "./handler.ts";

const DEFAULT_PAGE = 100;
/** How long a cancellation is waited for, in milliseconds. */
const CANCEL_WAIT = 30_000;

/** What the RPCs of OperationService do. */
export function addOperations(on: AddHandler, berth: Berth): void {
  const { operations, retry, principal } = berth;
  const service = operationService.OperationService.method;
  on(service.getOperation, async ({ id }, _context, hints) =>
    fromOperation(
      hints?.waitMs === undefined
        ? await operations.get(principal, id)
        : await operations.wait(principal, id, hints.waitMs),
    ),
  );
  on(service.cancelOperation, async ({ id }, context, hints) =>
    fromOperation(await operations.cancel(principal, id, context, hints?.waitMs ?? CANCEL_WAIT)),
  );
  on(service.retryOperation, async ({ id }, context, hints) => {
    const { id: repeated } = await retry(principal, id, context);
    return fromOperation(await operations.wait(principal, repeated, hints?.waitMs ?? 0));
  });
  on(service.listOperations, async (request) => {
    const page = await operations.list(principal, {
      ...request,
      verb: nameOf(VERBS, request.verb),
      state: nameOf(STATES, request.state),
      pageSize: request.pageSize || DEFAULT_PAGE,
    });
    return { ...page, operations: page.operations.map(fromOperation) };
  });
}

/** The domain's word for a number of the wire; empty where none is named. */
function nameOf<K extends string>(names: Readonly<Record<K, op.Verb | op.OperationState>>, value: number): K | "" {
  return (Object.keys(names) as K[]).find((name) => names[name] === value) ?? "";
}
