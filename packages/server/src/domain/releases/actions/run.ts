import { BerthError, asBerthError } from "@berth/base";
import type { engine as wire } from "@berth/contract";
import type { EgressPolicy, Engine, RunOptions } from "@berth/engine-client";

import type { ChartResolver } from "../../charts/index.ts";
import type { ReleaseTarget } from "../../command.ts";
import type { ActionOutcome, ActionResult, ActionRun } from "../action.ts";
import type { StorageFinder } from "../find-storage.ts";
import { fromEvent, fromResult } from "./answer.ts";
import { toTarget } from "./request.ts";

/** What every action is made of. */
export interface ActionParts {
  readonly engine: Engine;
  readonly charts: ChartResolver;
  readonly egress: EgressPolicy;
  /** Where a release is stored, as far as the watch cache knows. */
  readonly storageOf: StorageFinder;
}

/** The result of an action of which nothing is known. */
export const NOTHING: ActionResult = {
  release: undefined,
  chartDigest: "",
  resourceVersion: "",
  manifest: "",
  notes: "",
  firstService: undefined,
};

type EngineTarget = ReturnType<typeof toTarget>;

/**
 * Runs a call of the engine to its end. An action whose engine died (ENGINE_LOST)
 * and one whose release has no ending yet are their operation's to take up again.
 */
export async function runAction(
  parts: ActionParts,
  target: ReleaseTarget,
  run: ActionRun,
  call: (engineTarget: EngineTarget, options: RunOptions) => Promise<wire.ActionResult>,
): Promise<ActionOutcome> {
  const engineTarget = toTarget(run.cluster, run.principal, target, await parts.storageOf(target));
  const onEvent = (event: wire.ActionEvent) => {
    const progress = fromEvent(event);
    if (progress !== undefined) run.onProgress(progress);
  };
  try {
    return fromResult(run.cluster.name, await call(engineTarget, { signal: run.signal, onEvent }));
  } catch (error) {
    const ours = asBerthError(error);
    // A call that never reached the engine changed nothing; one that was lost may have.
    if (ours.code !== "ENGINE_LOST") throw ours;
    const message = "The engine died while it worked on the release.";
    return { changed: true, error: new BerthError("ENGINE_LOST", message, { cause: ours }), result: NOTHING };
  }
}
