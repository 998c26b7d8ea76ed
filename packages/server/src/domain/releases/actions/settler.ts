import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import type { Engine } from "@berth/engine-client";

import type { ActionOutcome, ActionRun } from "../action.ts";
import type { ReleaseTarget } from "../../command.ts";
import { fromError, fromRelease } from "./answer.ts";
import { toTarget } from "./request.ts";
import type { StorageKind } from "../stored-revision.ts";
import type { Release } from "../types.ts";

/** Between two tries to settle, in milliseconds. */
const RETRY = { initial: 200, max: 5_000 };
/** How long the caller's answer waits for a settled release before it says what is known. */
const ANSWER_WAIT = 10_000;

/** Gives releases a true ending that their action could not. */
export interface Settler {
  /**
   * Settles in the background until it has succeeded or Berth stops, however
   * long the cluster is away. Resolves with the settled release, or with what
   * `known` says where that takes more than 10 s.
   */
  settle(job: SettleJob): Promise<ActionOutcome>;
  /** Ends the background work. */
  stop(): Promise<void>;
  /** How many releases wait for their ending. */
  pending(): number;
}

/** A release to settle, and what is known before. */
export interface SettleJob {
  readonly target: ReleaseTarget;
  readonly run: ActionRun;
  readonly storage: StorageKind | undefined;
  readonly cause: BerthError;
  readonly known: ActionOutcome;
}

/** Makes a settler. */
export function createSettler(engine: Engine, clock: Clock, log: Logger): Settler {
  const stopping = new AbortController();
  const jobs = new Set<Promise<void>>();
  return {
    pending: () => jobs.size,
    async settle(job) {
      const settled = Promise.withResolvers<Release | undefined>();
      const work = settleUntilDone({ engine, clock, log, signal: stopping.signal }, job).then(
        settled.resolve,
        (error: unknown) => settled.reject(error as Error),
      );
      jobs.add(work);
      void work.finally(() => jobs.delete(work));
      const late = new AbortController();
      try {
        const release = await Promise.race([settled.promise, giveUp(clock, late.signal)]);
        return { ...job.known, changed: true, result: { ...job.known.result, release } };
      } catch {
        return { ...job.known, changed: true };
      } finally {
        late.abort();
        settled.promise.catch(() => undefined);
      }
    },
    async stop() {
      stopping.abort(new BerthError("UNAVAILABLE", "Berth stops."));
      await Promise.all(jobs);
    },
  };
}

async function giveUp(clock: Clock, signal: AbortSignal): Promise<never> {
  await clock.sleep(ANSWER_WAIT, signal);
  throw new BerthError("DEADLINE_EXCEEDED", "The release is not settled yet.");
}

interface Seams {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

async function settleUntilDone(seams: Seams, job: SettleJob): Promise<Release | undefined> {
  const { engine, clock, log, signal } = seams;
  const { run, target, storage } = job;
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const answer = await engine.settle({
        target: toTarget(run.cluster, run.principal, target, storage),
        context: { operationId: run.operationId, traceparent: run.context.traceparent },
        cause: job.cause.message,
      });
      if (answer.error !== undefined) throw fromError(answer.error);
      log.info({ operation: run.operationId, ...target, changed: answer.changed }, "a release was settled");
      return answer.release === undefined ? undefined : fromRelease(target.cluster, answer.release);
    } catch (error) {
      log.warn({ operation: run.operationId, ...target, attempt, error }, "a release is not settled yet");
    }
    await clock.sleep(backoff(attempt, RETRY), signal);
  }
}
