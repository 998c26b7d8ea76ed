import { BerthError, asBerthError } from "@berth/base";
import type { Engine } from "@berth/engine-client";

import type { UnlockCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import type { StorageFinder } from "../find-storage.ts";
import { fromRelease, throwError } from "./answer.ts";
import { toContext, toDuration, toTarget } from "./request.ts";
import { NOTHING } from "./run.ts";

/** What unlocking is made of. */
export interface UnlockParts {
  readonly engine: Engine;
  readonly storageOf: StorageFinder;
  /** How long a release has to be without an ending before it counts as stuck, in milliseconds. */
  readonly stuckAfterMs: number;
}

/**
 * Writes the ending of a release that is stuck: `failed`, with who has unlocked
 * it in its description. RELEASE_NOT_STUCK where there is nothing to unlock.
 */
export function createUnlock({ engine, storageOf, stuckAfterMs }: UnlockParts): Action<UnlockCommand> {
  return async (command, run) => {
    const { target } = command;
    const request = {
      target: toTarget(run.cluster, run.principal, target, await storageOf(target)),
      context: toContext(command, run),
      cause: `it was unlocked by ${run.principal.name} (${run.operationId})`,
      minAge: toDuration(stuckAfterMs),
    };
    const answer = await engine.settle(request).catch((error: unknown) => asBerthError(error));
    if (answer instanceof BerthError) {
      // What the engine has done before it was lost, its operation finds out when it takes it up again.
      const lost = new BerthError("ENGINE_LOST", "The engine died while it worked on the release.", { cause: answer });
      return { changed: true, error: lost, result: NOTHING };
    }
    throwError(answer.error);
    const { release, changed, resourceVersion } = answer;
    const stored = release === undefined ? undefined : fromRelease(target.cluster, release);
    return { changed, error: undefined, result: { ...NOTHING, release: stored, resourceVersion } };
  };
}
