import { operationService } from "@berth/contract";
import type { operation } from "@berth/contract";

import { createServiceClient } from "../client.ts";
import type { Connection } from "../connection.ts";

/** Seconds of one question: proxies cut what is silent for a minute. */
const ONE_WAIT = 25;

/** How an operation is waited for. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
}

/**
 * Waits for an operation's end, by whatever protocol the connection speaks, and gives it, succeeded or not. It takes as
 * long as the operation does: give `AbortSignal.timeout(…)` where that is too long.
 */
export async function waitForOperation(
  connection: Connection,
  id: string,
  { signal }: WaitOptions = {},
): Promise<operation.Operation> {
  const operations = createServiceClient(connection, operationService.OperationService);
  for (;;) {
    const options = signal === undefined ? {} : { signal };
    const found = await operations.getOperation({ id }, { ...options, waitSeconds: ONE_WAIT });
    if (found.done) return found;
  }
}
