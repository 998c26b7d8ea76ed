import { BerthError } from "@berth/base";

import type { Command } from "../../command.ts";
import type { Release } from "../../releases/index.ts";
import { fromError, fromResult } from "../record.ts";
import { act, readHistory, settle } from "./attempt.ts";
import type { Ending, Work, WorkParts } from "./attempt.ts";

/** How often what follows a failure is begun. */
const TRIES = 3;

/**
 * Does what a policy wants after a failure: the revision before, or no release.
 * The operation stays failed; its error says what became of the release.
 */
export async function remedy(parts: WorkParts, work: Work, ending: Ending): Promise<Ending> {
  const { error } = ending;
  if (error === undefined) return ending;
  const id = work.record.metadata.name;
  await work.journal.write({ remediating: true, error: fromError(error), result: fromResult(ending.result) });
  // A cancellation has stopped what failed; it does not stop what puts it right.
  const uncancelled = { ...work, signal: work.hold.signal };
  let last: Ending | undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    const history = await readHistory(parts, uncancelled);
    const newest = history[0];
    const command = toRemedy(work, history);
    if (newest === undefined || command === undefined) return last ?? ending;
    if (isUnsettled(newest)) await settle(parts, uncancelled, newest.revision);
    else if (isRemedied(newest, command, id)) return { ...ending, result: { ...ending.result, release: newest } };
    last = await act(parts, uncancelled, command);
    if (last.error === undefined) return said(ending, last, command);
  }
  return withHint(ending, `What was to follow (${String(work.record.spec.request.policy.remediation)}) failed too.`);
}

function toRemedy({ record }: Work, history: readonly Release[]): Command | undefined {
  const { target, policy } = record.spec.request;
  // Whoever asked has written the release already.
  const options = { forceManaged: true };
  if (policy.remediation === "uninstall") return { verb: "uninstall", target, options, ignoreNotFound: true };
  const good = history.find(
    ({ operationId, status }) => operationId !== record.metadata.name && /^(deployed|superseded)$/.test(status),
  );
  if (good !== undefined) return { verb: "rollback", target, options, revision: good.revision };
  // An install has nothing to go back to.
  return record.spec.request.verb === "install"
    ? { verb: "uninstall", target, options, ignoreNotFound: true }
    : undefined;
}

/** Whether an earlier try has done it: a revision of this operation is deployed, which it was not before. */
function isRemedied({ status, operationId }: Release, { verb }: Command, id: string): boolean {
  return verb === "rollback" && operationId === id && status === "deployed";
}

function isUnsettled({ status }: Release): boolean {
  return status.startsWith("pending-") || status === "uninstalling";
}

function said(ending: Ending, done: Ending, command: Command): Ending {
  const what = command.verb === "rollback" ? `Rolled back to revision ${String(command.revision)}.` : "Uninstalled.";
  return withHint({ ...ending, result: { ...ending.result, release: done.result.release } }, what);
}

function withHint(ending: Ending, what: string): Ending {
  const { error } = ending;
  if (error === undefined) return ending;
  const { code, field, object, reason, details } = error;
  const init = { field, object, reason, details: { ...details, remediation: what }, hint: `${what} ${error.hint}` };
  return { ...ending, error: new BerthError(code, error.message, init) };
}
