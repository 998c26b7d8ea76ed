import { BerthError } from "@berth/base";

import type { Command, InstallCommand, UpgradeCommand } from "../command.ts";
import type { Release } from "../releases/index.ts";

/** How often an operation is begun where something else than its own failure ended it. */
const MAX_ATTEMPTS = 4;

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
  const newest = facts.history[0];
  const own = facts.history.find((release) => release.operationId === facts.operation);
  if (newest !== undefined && isUnsettled(newest) && isOurs(command, newest, facts.operation)) {
    return { do: "settle", revision: newest.revision };
  }
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
      return { do: "run", command: expecting(command, newest) };
    case "unlock":
      // The ending that it has written names it.
      if (newest?.description.includes(facts.operation) === true) return { do: "succeed", release: newest };
      return { do: "run", command };
    default:
      return own === undefined ? { do: "run", command } : recoverOwn(command, facts, own);
  }
}

function recoverOwn(command: RevisionCommand, facts: Facts, own: Release): Decision {
  // Whatever came after it came after its success; a failure has an ending of its own.
  if (own.status !== "failed" && !isUnsettled(own)) return { do: "succeed", release: own };
  // Without an ending under a newer one (a rollback by hand goes over it): only the newest can be settled.
  if (!facts.isAgain && !isUnsettled(own) && !wasInterrupted(own)) return failed(own);
  const first = facts.history.findLast((release) => release.operationId === facts.operation) ?? own;
  return { do: "run", command: again(command, facts.history[0] ?? own, first) };
}

/** The command that does the same once more, on what its earlier attempts have left. */
function again(command: RevisionCommand, newest: Release, first: Release): Command {
  switch (command.verb) {
    case "install":
      return expecting({ ...pinned(command, first), replace: true, planToken: undefined }, newest);
    case "upgrade":
      return expecting({ ...pinned(command, first), planToken: undefined }, newest);
    case "rollback":
      // "The previous one" was meant before this operation made a revision.
      return expecting({ ...command, revision: command.revision ?? Math.max(1, first.revision - 2) }, newest);
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

/** What was expected before the first attempt is not there any more; nobody but this operation has written since. */
function expecting<C extends Command>(command: C, newest: Release): C {
  return command.expectedRevision === undefined ? command : { ...command, expectedRevision: newest.revision };
}

function failed(release: Release): Decision {
  return { do: "fail", release, error: new BerthError("INTERRUPTED", release.description || "It failed.") };
}

function isOurs(command: Command, newest: Release, operation: string): boolean {
  return newest.operationId === operation || (command.verb === "uninstall" && newest.status === "uninstalling");
}

function isUnsettled({ status }: Release): boolean {
  return status.startsWith("pending-") || status === "uninstalling";
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
