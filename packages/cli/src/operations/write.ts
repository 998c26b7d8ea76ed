import { BerthApiError, followOperation, operation, requireSuccess } from "@berth/sdk";
import type { Command } from "commander";

import { CliError, EXIT, OperationFailed } from "../errors.ts";
import type { Format } from "../output/print.ts";
import { print } from "../output/print.ts";
import { hideSecrets } from "../output/manifest.ts";
import { chartText, exposedText, timeText, wordOf } from "../output/text.ts";
import type { Session } from "../session.ts";
import { createProgress } from "./progress.ts";

/** How a write is waited for. */
export interface WriteOptions {
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  readonly hideNotes?: boolean;
  readonly hideSecret?: boolean;
  readonly expose?: readonly string[];
}

/** Adds `--detach`. */
export function addDetach(command: Command): Command {
  return command.option("--detach", "do not wait for the operation: print it as soon as it is accepted");
}

/** Adds `--hide-notes` and `--hide-secret`. */
export function addNotesOptions(command: Command): Command {
  return command
    .option("--hide-notes", "do not print the notes")
    .option("--hide-secret", "with --dry-run, do not print Secrets");
}

/** Asks for a write, follows it to its end, and prints it. OperationFailed where it ran and did not succeed. */
export async function write(
  session: Session,
  format: Format,
  options: WriteOptions,
  ask: () => Promise<operation.Operation>,
): Promise<void> {
  const accepted = await ask();
  const isKnown = accepted.done || options.detach === true;
  const known = isKnown ? accepted : await follow(session, accepted.id, options.wait === true);
  await show(session, format, options, known);
}

/** Follows an operation to its end with its progress, and gives it as it ended. */
async function follow(session: Session, id: string, wanted: boolean): Promise<operation.Operation> {
  const { io, berth } = session;
  const progress = createProgress(io, wanted);
  try {
    for await (const event of followOperation(berth.connection, id, { signal: io.signal })) {
      progress.show(event);
      if (event.type === "operation" && event.operation.done) return event.operation;
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
    throw new CliError(`The operation ${id} goes on.`, `berth operations watch|cancel ${id}`, EXIT.interrupted);
  } finally {
    progress.end();
  }
  return berth.operations.getOperation({ id }, session.call);
}

/** Prints an operation; of one that has ended badly what it ended with, as an error. */
async function show(session: Session, format: Format, options: WriteOptions, done: operation.Operation): Promise<void> {
  const isText = format.type === "table" || format.type === "wide";
  // Whoever reads JSON finds the error in it.
  if (!isText || done.error === undefined) {
    const message = options.hideSecret === true ? withoutSecrets(done) : done;
    const notes = isText && options.hideNotes !== true ? await notesOf(session, done) : "";
    const exposed = isText && (options.expose ?? []).length > 0 ? await exposedBy(session, done) : [];
    const show = () => describe(message, exposed, notes);
    print(session.io, format, { schema: operation.OperationSchema, message, show });
  }
  try {
    requireSuccess(done);
  } catch (error) {
    // What was refused before anything was written ends as any other refusal does.
    if (done.result === undefined || !(error instanceof BerthApiError)) throw error;
    throw new OperationFailed(error, done.id);
  }
}

async function notesOf({ berth, call }: Session, { result, verb }: operation.Operation): Promise<string> {
  const { Verb } = operation;
  if (result?.notes !== undefined && result.notes !== "") return result.notes;
  const wrote = verb === Verb.INSTALL || verb === Verb.UPGRADE || verb === Verb.ROLLBACK;
  const stored = result?.release;
  if (!wrote || stored === undefined || stored.revision === 0 || (result?.manifest ?? "") !== "") return "";
  const { cluster, namespace, name, revision } = stored;
  return (await berth.releases.getReleaseNotes({ cluster, namespace, name, revision }, call)).notes;
}

/** Where the ports are reached that were exposed with an install. */
async function exposedBy({ berth, call }: Session, one: operation.Operation): Promise<readonly string[]> {
  const { cluster, namespace, release: name, result } = one;
  if (result?.release === undefined || result.manifest !== "") return [];
  const { exposures } = await berth.releases.getRelease({ cluster, namespace, name }, call);
  return exposures.map(exposedText);
}

function withoutSecrets(one: operation.Operation): operation.Operation {
  if (one.result === undefined) return one;
  return { ...one, result: { ...one.result, manifest: hideSecrets(one.result.manifest) } };
}

/** An operation in Helm's words. */
function describe(one: operation.Operation, exposed: readonly string[], notes: string): string {
  const { release, result, verb } = one;
  if (!one.done) return `operation/${one.id} ${wordOf(operation.OperationState, one.state)}\n`;
  if (verb === operation.Verb.UNINSTALL) return `release "${release}" uninstalled\n`;
  if (verb === operation.Verb.UNLOCK) return `release "${release}" unlocked\n`;
  const stored = result?.release;
  const isDry = (result?.manifest ?? "") !== "";
  const head = isDry
    ? [`NAME: ${release}`, `NAMESPACE: ${one.namespace}`, "STATUS: dry run, nothing was changed"]
    : [
        `NAME: ${release}`,
        `LAST DEPLOYED: ${timeText(stored?.lastDeployed)}`,
        `NAMESPACE: ${one.namespace}`,
        `STATUS: ${stored?.status ?? wordOf(operation.OperationState, one.state)}`,
        `REVISION: ${String(stored?.revision ?? "")}`,
        `CHART: ${chartText(stored?.chart)}`,
        `DESCRIPTION: ${stored?.description ?? ""}`,
        ...(verb === operation.Verb.TEST ? ["TESTS: succeeded"] : []),
      ];
  const manifest = isDry ? ["MANIFEST:", result?.manifest.trimEnd() ?? ""] : [];
  const tail = notes === "" ? [] : ["NOTES:", notes.trimEnd()];
  return `${[...head, ...exposed, ...manifest, ...tail].join("\n")}\n`;
}
