import type { Engine } from "@berth/engine-client";

import type { Holder } from "../action.ts";
import type { StorageFinder } from "../find-storage.ts";
import { fromRelease, throwError } from "./answer.ts";
import { toDuration, toTarget } from "./request.ts";

/** Revisions that are read to decide how an operation goes on. */
const HISTORY = 256;

/** Makes what the holder of an operation does through the engine. */
export function createHolder(parts: { readonly engine: Engine; readonly storageOf: StorageFinder }): Holder {
  const { engine, storageOf } = parts;
  return {
    async extend(operationId, holdMs) {
      await engine.extend(operationId, Math.floor(holdMs));
    },
    async history({ cluster, principal }, target) {
      const answer = await engine.history({
        target: toTarget(cluster, principal, target, await storageOf(target)),
        max: HISTORY,
      });
      if (answer.error?.code === "RELEASE_NOT_FOUND") return [];
      throwError(answer.error);
      return answer.revisions.map((release) => fromRelease(target.cluster, release));
    },
    async settle({ cluster, principal, ...run }, target, revision, cause) {
      const answer = await engine.settle({
        target: toTarget(cluster, principal, target, await storageOf(target)),
        context: {
          operationId: run.operationId,
          traceparent: run.context.traceparent,
          ...(run.fence === undefined ? {} : { fence: run.fence }),
          ...(run.holdMs === undefined ? {} : { hold: toDuration(run.holdMs) }),
        },
        ...{ revision, cause },
      });
      throwError(answer.error);
    },
  };
}
