import { createHash } from "node:crypto";

import { BerthError } from "@berth/base";

import type { InstallCommand, UpgradeCommand } from "../command.ts";

/** What a plan was made of, beside the request itself. */
export interface PlanFacts {
  /** Newest stored revision; 0 where there is none. */
  readonly revision: number;
  readonly chartDigest: string;
  readonly chartVersion: string;
}

type Planned = InstallCommand | UpgradeCommand;

/**
 * A token names what was planned: cluster, release, chart digest, values and
 * options, and the revision it was planned on. It is no secret and gives no
 * right: whoever sends it asks for just this or for nothing. Pure.
 */
export function makePlanToken(command: Planned, { revision, chartDigest, chartVersion }: PlanFacts): string {
  const parts = [VERSION, String(revision), chartDigest, chartVersion, digestOf(command)];
  return Buffer.from(parts.join(" ")).toString("base64url");
}

/** Makes a command do what its plan said, or refuses it with PLAN_STALE. Pure. */
export function bindToPlan<Command extends Planned>(command: Command): Command {
  const { planToken, ...asked } = command;
  if (planToken === undefined) return command;
  const [version, revision = "", chartDigest = "", chartVersion = "", request] = Buffer.from(planToken, "base64url")
    .toString()
    .split(" ");
  if (version !== VERSION || !/^\d+$/.test(revision)) {
    throw new BerthError("INVALID_ARGUMENT", "The plan token is none.", { field: "plan_token" });
  }
  const expectedRevision = Number(revision);
  if (request !== digestOf(asked as Planned)) throw stale("The request is another than the one that was planned.");
  if ((command.expectedRevision ?? expectedRevision) !== expectedRevision) {
    throw stale(`The plan was made on revision ${revision}, not on the expected one.`);
  }
  const { chart } = command;
  const isChosen = chart.name !== undefined || chart.url?.startsWith("oci:") === true;
  return {
    ...command,
    expectedRevision,
    chart: { ...chart, digest: chartDigest, ...(isChosen ? { version: chartVersion } : {}) },
  };
}

/** What makes a planned command stale is said as that. */
export function asStale(command: Planned, error: BerthError): BerthError {
  if (command.planToken === undefined) return error;
  const isStale =
    error.code === "REVISION_STALE" || error.code === "CHART_DIGEST_MISMATCH" || error.code === "RELEASE_EXISTS";
  return isStale ? stale(error.message) : error;
}

const VERSION = "1";

function stale(message: string): BerthError {
  return new BerthError("PLAN_STALE", message, { field: "plan_token" });
}

/** A digest of all that decides what is done. How long is waited, and what is shown to the source, does not. */
function digestOf({ verb, target, chart, values, options, ...rest }: Planned): string {
  const { username: _u, password: _p, access: _a, refresh: _r, verify: _v, provenance: _s, archive, ...source } = chart;
  const { wait: _w, waitForJobs: _j, timeoutMs: _t, dryRun: _d, ...decisive } = options ?? {};
  const { expectedRevision: _e, planToken: _k, ...others } = rest;
  const content = archive === undefined ? "" : createHash("sha256").update(archive).digest("hex");
  const text = canonical({ verb, target, source, content, values, options: decisive, others });
  return createHash("sha256").update(text).digest("base64url");
}

/** JSON with sorted keys and without what is absent, false or empty, so that a default and its absence are one. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, nested: unknown) => {
    if (typeof nested !== "object" || nested === null || Array.isArray(nested)) return nested;
    const entries = Object.entries(nested).filter(([, one]) => !isEmpty(one));
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === false || value === "" || value === 0) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
