import type { BerthError, ObjectName } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { Cluster } from "../clusters/index.ts";
import type { Command, ReleaseTarget, Verb } from "../command.ts";
import type { Release } from "./types.ts";

/** What surrounds a request. */
export interface RequestContext {
  /** Carried to the engine and into the audit. */
  readonly requestId: string;
  /** W3C trace context; empty where the caller sent none. */
  readonly traceparent: string;
}

/** The step an action is in, or was in when it ended. */
export type ActionPhase =
  | ""
  | "fetching"
  | "rendering"
  | "crds"
  | "pre-hooks"
  | "applying"
  | "waiting"
  | "post-hooks"
  | "deleting"
  | "testing"
  | "settling";

/** One thing that happened while an action ran. */
export type ProgressEvent = { readonly time: Date } & (
  | { readonly type: "phase"; readonly phase: ActionPhase }
  | { readonly type: "applied"; readonly done: number; readonly total: number; readonly object: ObjectName }
  | { readonly type: "status"; readonly object: ObjectName; readonly status: string; readonly reason: string }
  | { readonly type: "hook"; readonly name: string; readonly event: string; readonly phase: string }
  | { readonly type: "log"; readonly pod: string; readonly container: string; readonly text: string }
);

/** What is stored in the cluster after an action, read back. */
export interface ActionResult {
  /** Absent once a release is uninstalled without history. */
  readonly release: Release | undefined;
  /** "sha256:…", empty where no chart was used. */
  readonly chartDigest: string;
  readonly resourceVersion: string;
  /** Of a dry run; empty otherwise. */
  readonly manifest: string;
  readonly notes: string;
  /** Name of the first Service of the release; undefined where the chart made none. */
  readonly firstService: string | undefined;
}

/** How an action ended. */
export interface ActionOutcome {
  readonly result: ActionResult;
  readonly error: BerthError | undefined;
  /** False with an error: refused, nothing was written. */
  readonly changed: boolean;
}

/** What an action is given beside its command. */
export interface ActionRun {
  readonly operationId: string;
  readonly cluster: Cluster;
  readonly principal: Principal;
  readonly context: RequestContext;
  /** Fencing token: a newer holder's is higher. Absent for a dry run, which nobody holds. */
  readonly fence?: bigint | undefined;
  /** Milliseconds for which the release is held; pushed forward by `Holder.extend`. */
  readonly holdMs?: number | undefined;
  /** Aborted when the operation is cancelled. */
  readonly signal: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
}

/** Does one verb. Rejects only where nothing was changed. */
export type Action<C extends Command = Command> = (command: C, run: ActionRun) => Promise<ActionOutcome>;

/** The action of each verb. */
export type Actions = { readonly [V in Verb]: Action<Extract<Command, { verb: V }>> };

/** What an operation's holder needs beside the verbs. */
export interface Holder {
  /** Pushes the hold of a running action forward. */
  extend(operationId: string, holdMs: number): Promise<void>;
  /** What is stored of a release, newest first. */
  history(run: ActionRun, target: ReleaseTarget): Promise<readonly Release[]>;
  /** Gives a revision that has no ending one; `cause` stands in its description. */
  settle(run: ActionRun, target: ReleaseTarget, revision: number, cause: string): Promise<void>;
}
