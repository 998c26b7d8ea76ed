import { boundText, redactUrls } from "@berth/base";
import type { BerthError } from "@berth/base";
import { readyAmong, toReady, toTime } from "@berth/kube";
import type { ReadyVerdict } from "@berth/kube";

import type { StoredStatus } from "./resource.ts";
import type { Refreshed } from "./types.ts";

/** Characters of an error that a status carries. */
const MAX_MESSAGE = 1024;
/** Part of the interval after which it counts as over: replicas do not keep the same time. */
const NEARLY = 0.9;

/** What a source was asked with. With others the answer may be another. */
export interface Inputs {
  readonly generation: number;
  /** resourceVersion of the Secret; empty where there is none. */
  readonly secretVersion: string;
  /** What the annotation says that asks for a refresh; empty where it is absent. */
  readonly refresh: string;
}

/** How it went. */
export type Finding =
  | ({ readonly kind: "refreshed" } & Refreshed)
  | { readonly kind: "failed"; readonly error: BerthError }
  | { readonly kind: "suspended" };

/** When it went so. */
export interface Moment {
  /** Wall clock, milliseconds. */
  readonly now: number;
  readonly intervalMs: number;
}

/** Whether two askings are the same one. */
export function isSame(a: Inputs, b: Inputs): boolean {
  return a.generation === b.generation && a.secretVersion === b.secretVersion && a.refresh === b.refresh;
}

/**
 * The status that has to be written after a finding; undefined where what is
 * stored will do. Each replica asks for itself, and one of them writes: what is
 * asked otherwise than the stored status says, at most once an interval, and
 * that a source is well again. Pure.
 */
export function nextStatus(
  stored: StoredStatus,
  inputs: Inputs,
  finding: Finding,
  moment: Moment,
): StoredStatus | undefined {
  const before = readyAmong(stored.conditions);
  const verdict = describe(finding);
  const isNew = !isSame(inputs, observedOf(stored));
  const isWellAgain = finding.kind === "refreshed" && before?.status !== "True";
  const isDue = finding.kind !== "suspended" && isOver(stored.lastRefreshTime, moment);
  if (!isNew && !isWellAgain && !isDue && (finding.kind !== "suspended" || before?.reason === verdict.reason))
    return undefined;
  const { lastRefreshTime } = stored;
  const askedAt = finding.kind === "suspended" ? lastRefreshTime : toTime(moment.now);
  return {
    observedGeneration: inputs.generation,
    observedSecretVersion: inputs.secretVersion,
    observedRefresh: inputs.refresh,
    ...(askedAt === undefined ? {} : { lastRefreshTime: askedAt }),
    ...contentOf(stored, inputs, finding),
    conditions: [toReady(before, verdict, inputs.generation, moment.now)],
  };
}

function describe(finding: Finding): ReadyVerdict {
  switch (finding.kind) {
    case "refreshed": {
      const message = finding.charts === undefined ? "The registry lets Berth in." : "The index is known.";
      return { status: "True", reason: "Refreshed", message };
    }
    case "failed": {
      const { code, message } = finding.error;
      return { status: "False", reason: code, message: boundText(redactUrls(message), MAX_MESSAGE) };
    }
    case "suspended":
      return { status: "Unknown", reason: "Suspended", message: "The source is not asked while it is suspended." };
  }
}

/** What is in the source: as it was found, or as it was known of the same source before. */
function contentOf(stored: StoredStatus, inputs: Inputs, finding: Finding): Pick<StoredStatus, "charts" | "digest"> {
  const isKnown = stored.observedGeneration === inputs.generation;
  const { charts, digest } = finding.kind === "refreshed" ? finding : isKnown ? stored : {};
  return {
    ...(charts === undefined ? {} : { charts }),
    ...(digest === undefined || digest === "" ? {} : { digest }),
  };
}

function observedOf(stored: StoredStatus): Inputs {
  return {
    generation: stored.observedGeneration ?? 0,
    secretVersion: stored.observedSecretVersion ?? "",
    refresh: stored.observedRefresh ?? "",
  };
}

function isOver(since: string | undefined, { now, intervalMs }: Moment): boolean {
  if (since === undefined) return true;
  const age = now - Date.parse(since);
  // What lies in the future was written by a clock that goes wrong.
  return age >= intervalMs * NEARLY || age < -intervalMs;
}
