import { BerthError } from "@berth/base";

import type { Command, InstallCommand, UpgradeCommand } from "../command.ts";
import type { Release } from "../releases/index.ts";

/** How often an operation is begun where something else than its own failure ended it. */
const MAX_ATTEMPTS = 8;

/** What is known when an operation is taken up that was begun before. */
export interface Facts {
  /** Id of the operation. */
  readonly operation: string;
  /** The stored revisions of the release, newest first. */
  readonly history: readonly Release[];
  /** Number of the attempt that would begin now; 2 at least. */
  readonly attempt: number;
  /** Whether a failure that is stored is to be tried again: the holder let go, or a retry was asked for. */
  readonly isAgain: boolean;
}

/** What to do with an operation that was begun before. */
export type Decision =
  /** It had succeeded. */
  | { readonly do: "succeed"; readonly release: Release | undefined }
  /** It had failed, or is given up. */
  | { readonly do: "fail"; readonly release: Release | undefined; readonly error: BerthError }
  /** Do it again, as this command. */
  | { readonly do: "run"; readonly command: Command }
  /** Write the ending that a revision does not have, then look again. */
  | { readonly do: "settle"; readonly revision: number };

/**
 * Decides by what Helm has stored how an interrupted operation goes on: pure and
 * total. The table stands in docs/operations.md.
 */
export function recover(command: Command, facts: Facts): Decision {
  const own = facts.history.find((release) => release.operationId === facts.operation);
  const open = findOpen(command, facts);
  if (open !== undefined) return { do: "settle", revision: open.revision };
  const given = recoverSettled(command, facts, own);
  if (given.do !== "run" || facts.attempt <= MAX_ATTEMPTS) return given;
  return { do: "fail", release: own, error: interrupted(facts.attempt - 1) };
}

/** A command that makes a revision of its own. */
type RevisionCommand = Exclude<Command, { verb: "test" | "uninstall" | "unlock" }>;

function recoverSettled(command: Command, facts: Facts, own: Release | undefined): Decision {
  const newest = facts.history[0];
  switch (command.verb) {
    case "test":
      return { do: "run", command };
    case "uninstall":
      // It makes no revision of its own: what is gone, or kept as uninstalled, is done.
      if (newest === undefined || newest.status === "uninstalled") return { do: "succeed", release: newest };
      if (newest.status === "failed" && !facts.isAgain && isFailedUninstall(newest)) return failed(newest);
      return { do: "run", command };
    case "unlock":
      // The ending that it has written names it.
      if (newest?.description.includes(facts.operation) === true) return { do: "succeed", release: newest };
      return { do: "run", command };
    default:
      return own === undefined ? { do: "run", command } : recoverOwn(command, facts, own);
  }
}

function recoverOwn(command: RevisionCommand, facts: Facts, own: Release): Decision {
  if (SUCCEEDED.test(own.status)) return { do: "succeed", release: own };
  if (!facts.isAgain && !wasInterrupted(own)) return failed(own);
  const first = facts.history.findLast((release) => release.operationId === facts.operation) ?? own;
  const made = again(command, first);
  // What was expected before the first attempt is not there any more where only this operation has written since.
  const isOurs = facts.history[0]?.operationId === facts.operation && command.expectedRevision !== undefined;
  return { do: "run", command: isOurs ? { ...made, expectedRevision: own.revision } : made };
}

/** What a revision that was deployed is, or has become since. */
const SUCCEEDED = /^(deployed|superseded|uninstalled|uninstalling)$/;

/** The revision that this operation has left without an ending, also where somebody has written after it. */
function findOpen(command: Command, { history, operation }: Facts): Release | undefined {
  const own = history.find(({ operationId, status }) => operationId === operation && status.startsWith("pending-"));
  const isUninstalling = command.verb === "uninstall" && history[0]?.status === "uninstalling";
  return own ?? (isUninstalling ? history[0] : undefined);
}

/** The command that does the same once more, on what its earlier attempts have left. */
function again(command: RevisionCommand, first: Release): Command {
  switch (command.verb) {
    case "install":
      return { ...pinned(command, first), replace: true, planToken: undefined };
    case "upgrade":
      return { ...pinned(command, first), planToken: undefined };
    case "rollback":
      // "The previous one" was meant before this operation made a revision.
      return { ...command, revision: command.revision ?? Math.max(1, first.revision - 2) };
  }
}

/** The same chart as the first attempt's, also where a newer one has been published since. */
function pinned<C extends InstallCommand | UpgradeCommand>(command: C, first: Release): C {
  const { chart } = command;
  const digest = chart.digest ?? first.provenance["chart-digest"];
  const isChosen = chart.name !== undefined || chart.url?.startsWith("oci:") === true;
  const version = isChosen ? { version: first.chart?.version ?? chart.version } : {};
  return digest === undefined ? command : { ...command, chart: { ...chart, digest, ...version } };
}

function failed(release: Release): Decision {
  return { do: "fail", release, error: new BerthError("INTERRUPTED", release.description || "It failed.") };
}

/** Words in the description of a revision whose action did not fail by itself; the engine writes them too. */
const INTERRUPTED = "was interrupted";

/** What stands in the description of a revision that is settled at a takeover. */
export const SETTLE_CAUSE = `it ${INTERRUPTED}`;

function wasInterrupted({ description }: Release): boolean {
  return description.includes(INTERRUPTED);
}

function isFailedUninstall({ description }: Release): boolean {
  return description.startsWith("Uninstall ended without success") && !description.includes(INTERRUPTED);
}

/** The ending of an operation that was begun too often. */
function interrupted(attempts: number): BerthError {
  return new BerthError("INTERRUPTED", `It was begun ${String(attempts)} times, and interrupted each time.`);
}
