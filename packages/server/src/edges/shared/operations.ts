import { operationService } from "@berth/contract";
import type { operation as op } from "@berth/contract";

import type { Berth } from "../../berth.ts";
import { STATES, VERBS, fromNews, fromOperation } from "./from-domain.ts";
import type { AddHandler, AddStream } from "./handler.ts";

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
        ? await operations.get(principal, id, hints)
        : await operations.wait(principal, id, hints.waitMs, hints),
    ),
  );
  on(service.cancelOperation, async ({ id }, context, hints) =>
    fromOperation(await operations.cancel(principal, id, context, hints?.waitMs ?? CANCEL_WAIT, hints)),
  );
  on(service.retryOperation, async ({ id }, context, hints) => {
    const { id: repeated } = await retry(principal, id, context);
    return fromOperation(await operations.wait(principal, repeated, hints?.waitMs ?? 0, hints));
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

/** What the streaming RPCs of OperationService do. */
export function addOperationStreams(on: AddStream, { operations, principal }: Berth): void {
  on(operationService.OperationService.method.watchOperation, async function* ({ id, after }, _context, signal) {
    for await (const news of operations.follow(principal, id, after, signal)) yield fromNews(news);
  });
}

/** The domain's word for a number of the wire; empty where none is named. */
function nameOf<K extends string>(names: Readonly<Record<K, op.Verb | op.OperationState>>, value: number): K | "" {
  return (Object.keys(names) as K[]).find((name) => names[name] === value) ?? "";
}
