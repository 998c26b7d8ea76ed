import { asBerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import type { Access } from "../../access/index.ts";
import type { ClusterRegistry } from "../../clusters/index.ts";
import type { Command } from "../../command.ts";
import type { Action, ActionOutcome, ActionRun, Actions, Holder, Release } from "../../releases/index.ts";
import { ACCESS_VERBS } from "../access-verbs.ts";
import type { Exposing } from "../types.ts";
import type { HomeWrites } from "../store/writes.ts";
import { fromPayload } from "../payload.ts";
import type { OperationRecord } from "../record.ts";
import { SETTLE_CAUSE, recover } from "../recovery.ts";
import { isHandedOn } from "./handed-on.ts";
import type { Journal } from "./journal.ts";
import type { Hold } from "./replica.ts";

/** Between two questions to a cluster that does not answer, in milliseconds. */
const RETRY = { initial: 200, max: 5000 };

/** Between two extensions of the engine's hold, in milliseconds: a third of what is left of a lease at least. */
const EXTEND = 2500;

/** What a holder works with. */
export interface WorkParts {
  readonly writes: HomeWrites;
  readonly access: Access;
  readonly clusters: ClusterRegistry;
  readonly actions: Actions;
  readonly holder: Holder;
  readonly exposing: Exposing;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A claimed operation while it is worked on. */
export interface Work {
  readonly record: OperationRecord;
  /** What was asked, where this process has accepted it; otherwise its payload is read. */
  readonly command: Command | undefined;
  readonly hold: Hold;
  readonly journal: Journal;
  /** Aborted where it is cancelled, handed on, or the hold is lost. */
  readonly signal: AbortSignal;
}

/** How an operation is left: what is stored and how it went, as `Action` says it. */
export type Ending = ActionOutcome;

/**
 * Does what a claimed operation asks, or takes up what an earlier attempt has
 * left, until it has an ending. Rejects where the hold is lost before.
 */
export async function attempt(parts: WorkParts, work: Work): Promise<Ending> {
  const { record } = work;
  const command = work.command ?? (await untilAnswered(parts, work, () => readCommand(parts, record)));
  const ending = await pursue(parts, work, command);
  if (ending.error === undefined) await expose(parts, work, command);
  return ending;
}

/** Makes what an install was to expose, as far as it is missing: when it was accepted, its namespace may not have been there. */
async function expose({ exposing, log }: WorkParts, { record }: Work, command: Command): Promise<void> {
  if (command.verb !== "install" || command.expose === undefined || command.expose.length === 0) return;
  const { principal, target, requestId, traceparent } = record.spec.request;
  await exposing.make(principal, target, command.expose, { requestId, traceparent }).catch((error: unknown) => {
    log.warn({ operation: record.metadata.name, error }, "a release is installed, but not all of it is exposed");
  });
}

async function pursue(parts: WorkParts, work: Work, command: Command): Promise<Ending> {
  const { record, journal } = work;
  let count = record.status?.attempts ?? 1;
  for (let next = pin(command, record); ;) {
    if (count > 1) {
      const decided = await takeUp(parts, work, next, count - (record.status?.failures ?? 0));
      if ("ending" in decided) return decided.ending;
      next = decided.command;
    } else next = await repeat(parts, work, next);
    // A queued write is authorised when it begins, and again each time it does.
    await untilAnswered(parts, work, () => authorise(parts, record));
    const outcome = await act(parts, work, next);
    if (!isOpen(outcome) || isHandedOn(work.signal.reason)) return outcome;
    count++;
    await journal.write({ attempts: count, phase: "settling" });
  }
}

/** What repeats a failed operation goes on from what that one has left, as a further attempt of it would. */
async function repeat(parts: WorkParts, work: Work, command: Command): Promise<Command> {
  const { retryOf } = work.record.spec.request;
  if (retryOf === undefined) return command;
  const history = await readHistory(parts, work);
  const isLeft = history[0]?.operationId === retryOf && history[0].status === "failed";
  if (!isLeft) return command;
  const decided = recover(command, { operation: retryOf, history, attempt: 2, isAgain: true });
  return decided.do === "run" ? decided.command : command;
}

/** Every attempt takes the chart that the first one took. */
function pin(command: Command, { status }: OperationRecord): Command {
  if (command.verb !== "install" && command.verb !== "upgrade") return command;
  const digest = command.chart.digest ?? status?.chartDigest;
  return digest === undefined ? command : { ...command, chart: { ...command.chart, digest } };
}

/** Runs one verb for a held operation. */
export async function act(parts: WorkParts, work: Work, command: Command): Promise<ActionOutcome> {
  const extending = keepExtending(parts, work);
  try {
    // The table is total over verbs, so the action fits its command.
    const action = parts.actions[command.verb] as Action;
    return await action(command, toRun(parts, work));
  } catch (error) {
    return { changed: false, error: asBerthError(error), result: nothing() };
  } finally {
    extending.abort();
  }
}

/** What surrounds an action of a held operation. */
function toRun({ clusters }: WorkParts, { record, hold, journal, signal }: Work): ActionRun {
  const { target, principal, requestId, traceparent } = record.spec.request;
  return {
    operationId: record.metadata.name,
    cluster: clusters.get(target.cluster),
    principal,
    context: { requestId, traceparent },
    fence: BigInt(record.metadata.resourceVersion ?? "0"),
    holdMs: hold.remaining(),
    signal,
    onProgress: (event) => journal.add(event),
  };
}

/** Reads the history of a release until the cluster answers. */
export async function readHistory(parts: WorkParts, work: Work): Promise<readonly Release[]> {
  return untilAnswered(parts, work, () => parts.holder.history(toRun(parts, work), work.record.spec.request.target));
}

/** Gives a revision an ending, however long the cluster is away. */
export async function settle(parts: WorkParts, work: Work, revision: number): Promise<void> {
  await untilAnswered(parts, work, () =>
    parts.holder.settle(toRun(parts, work), work.record.spec.request.target, revision, SETTLE_CAUSE),
  );
}

async function takeUp(
  parts: WorkParts,
  work: Work,
  command: Command,
  count: number,
): Promise<{ ending: Ending } | { command: Command }> {
  const { record, journal } = work;
  for (;;) {
    const history = await readHistory(parts, work);
    const isAgain = journal.record().status?.handedOn ?? false;
    const decided = recover(command, { operation: record.metadata.name, history, attempt: count, isAgain });
    switch (decided.do) {
      case "settle":
        await settle(parts, work, decided.revision);
        continue;
      case "run":
        if (!work.signal.aborted) return { command: decided.command };
        return { ending: endedAs(asBerthError(work.signal.reason), history[0]) };
      case "succeed":
        return { ending: endedAs(undefined, decided.release) };
      case "fail":
        return { ending: endedAs(decided.error, decided.release) };
    }
  }
}

function endedAs(error: Ending["error"], release: Release | undefined): Ending {
  return { changed: true, error, result: { ...nothing(), release } };
}

async function untilAnswered<T>({ clock, log }: WorkParts, { record, hold }: Work, ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    hold.signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      const ours = asBerthError(error);
      if (ours.kind !== "unavailable" && ours.kind !== "timeout") throw ours;
      log.warn({ operation: record.metadata.name, tries, error: ours }, "an operation waits for its cluster");
    }
    await clock.sleep(backoff(tries, RETRY), hold.signal);
  }
}

/** Whether an action left no ending behind: its engine died, or the release could not be written. */
function isOpen({ error, changed, result }: ActionOutcome): boolean {
  if (error === undefined) return false;
  const status = result.release?.status ?? "";
  return error.code === "ENGINE_LOST" || (changed && (status.startsWith("pending-") || status === "uninstalling"));
}

async function readCommand({ writes }: WorkParts, { spec }: OperationRecord): Promise<Command> {
  const found = await writes.readPayload(spec.request.payload);
  return fromPayload(found?.data ?? {});
}

async function authorise({ access }: WorkParts, { spec }: OperationRecord): Promise<void> {
  const { principal, verb, target } = spec.request;
  await access.check(principal, { verb: ACCESS_VERBS[verb], resource: "releases", ...target });
}

/** Pushes the engine's hold forward as long as ours is renewed. */
function keepExtending({ holder, clock }: WorkParts, { record, hold }: Work): AbortController {
  const ending = new AbortController();
  const every = async () => {
    for (;;) {
      await clock.sleep(EXTEND, ending.signal);
      const left = hold.remaining();
      if (left > 0) await holder.extend(record.metadata.name, left).catch(() => undefined);
    }
  };
  every().catch(() => undefined);
  return ending;
}

/** The result of an action of which nothing is stored. */
export function nothing(): ActionOutcome["result"] {
  return {
    ...{ release: undefined, chartDigest: "", resourceVersion: "", manifest: "", notes: "" },
    firstService: undefined,
  };
}
