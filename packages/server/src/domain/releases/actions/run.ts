import { BerthError, asBerthError } from "@berth/base";
import type { engine as wire } from "@berth/contract";
import type { EgressPolicy, Engine, RunOptions } from "@berth/engine-client";

import type { ChartPolicy } from "../../charts/index.ts";
import type { ReleaseTarget } from "../../command.ts";
import type { ActionOutcome, ActionResult, ActionRun } from "../action.ts";
import type { StorageKind } from "../stored-revision.ts";
import { fromEvent, fromResult } from "./answer.ts";
import { toTarget } from "./request.ts";
import type { Settler } from "./settler.ts";

/** What every action is made of. */
export interface ActionParts {
  readonly engine: Engine;
  readonly settler: Settler;
  readonly charts: ChartPolicy;
  readonly egress: EgressPolicy;
  /** Where a release is stored, as far as the watch cache knows. */
  readonly storageOf: (target: ReleaseTarget) => StorageKind | undefined;
}

const NOTHING: ActionResult = {
  release: undefined,
  chartDigest: "",
  resourceVersion: "",
  manifest: "",
  notes: "",
  firstService: undefined,
};

type EngineTarget = ReturnType<typeof toTarget>;

/** Status words of a revision whose action has not ended. */
const UNSETTLED = /^(pending-.*|uninstalling)$/;

/**
 * Runs a call of the engine to its end. Whatever ends it, the outcome says what
 * is stored: a release that the engine could not give an ending is settled
 * here, also long after the caller has its answer.
 */
export async function runAction(
  parts: ActionParts,
  target: ReleaseTarget,
  run: ActionRun,
  call: (engineTarget: EngineTarget, options: RunOptions) => Promise<wire.ActionResult>,
): Promise<ActionOutcome> {
  const storage = parts.storageOf(target);
  const engineTarget = toTarget(run.cluster, run.principal, target, storage);
  const outcome = await callEngine(run, (options) => call(engineTarget, options));
  const { error, result } = outcome;
  const isLost = error?.code === "ENGINE_LOST";
  const isUnsettled = UNSETTLED.test(result.release?.status ?? "") && outcome.changed;
  if (error === undefined || (!isLost && !isUnsettled)) return outcome;
  return parts.settler.settle({ target, run, storage, cause: error, known: outcome });
}

async function callEngine(
  run: ActionRun,
  call: (options: RunOptions) => Promise<wire.ActionResult>,
): Promise<ActionOutcome> {
  const onEvent = (event: wire.ActionEvent) => {
    const progress = fromEvent(event);
    if (progress !== undefined) run.onProgress(progress);
  };
  try {
    return fromResult(run.cluster.name, await call({ signal: run.signal, onEvent }));
  } catch (error) {
    const ours = asBerthError(error);
    // A call that never reached the engine changed nothing; one that was lost may have.
    if (ours.code !== "ENGINE_LOST") throw ours;
    return { changed: true, error: engineLost(ours), result: NOTHING };
  }
}

function engineLost(cause: BerthError): BerthError {
  return new BerthError(
    "ENGINE_LOST",
    "The engine died while it worked on the release; what it had begun is settled.",
    {
      hint: "Read the release to see what is stored, then repeat the request.",
      cause,
    },
  );
}
