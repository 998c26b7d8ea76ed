import { BerthError } from "@berth/base";

import type { Operation } from "./types.ts";

/** Ended operations that are still answered. */
const ENDED_KEPT = 1000;

interface Running {
  operation: Operation;
  readonly abort: AbortController;
  readonly ended: Promise<Operation>;
}

/** The operations of this process: all running ones, and the last 1000 that ended. */
export interface OperationRegistry {
  /** Adds a running operation; `ended` settles with its ending, never rejects. */
  add(operation: Operation, abort: AbortController, ended: Promise<Operation>): void;
  /** Replaces what is known of a running operation. */
  update(operation: Operation): void;
  /** Moves an operation among the ended ones. */
  end(operation: Operation): void;
  /** OPERATION_NOT_FOUND where it is not known (any more). */
  get(id: string): Operation;
  /** Cancels where it still runs, and resolves with its ending. */
  cancel(id: string, cause: BerthError): Promise<Operation>;
  /** How many run. */
  running(): number;
}

/** An empty registry. */
export function createOperationRegistry(): OperationRegistry {
  const running = new Map<string, Running>();
  const ended = new Map<string, Operation>();
  const find = (id: string): Operation => {
    const found = running.get(id)?.operation ?? ended.get(id);
    if (found !== undefined) return found;
    throw new BerthError("OPERATION_NOT_FOUND", `There is no operation "${id}".`, { field: "id" });
  };
  return {
    add: (operation, abort, end) => void running.set(operation.id, { operation, abort, ended: end }),
    update(operation) {
      const entry = running.get(operation.id);
      if (entry !== undefined) entry.operation = operation;
    },
    end(operation) {
      running.delete(operation.id);
      ended.set(operation.id, operation);
      for (const id of ended.keys()) {
        if (ended.size <= ENDED_KEPT) break;
        ended.delete(id);
      }
    },
    get: find,
    async cancel(id, cause) {
      const entry = running.get(id);
      if (entry === undefined) return find(id);
      entry.abort.abort(cause);
      return entry.ended;
    },
    running: () => running.size,
  };
}
