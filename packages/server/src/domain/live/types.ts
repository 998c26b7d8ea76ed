import type { ObjectName } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { AskOptions, ReleaseTarget } from "../command.ts";
import type { Release } from "../releases/index.ts";

/** A container, in the kubelet's own words. */
export interface ContainerState {
  readonly name: string;
  /** It runs before the others. */
  readonly init: boolean;
  readonly ready: boolean;
  readonly restarts: number;
  /** waiting, running, terminated, or empty. */
  readonly state: string;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number;
  /** Why it ended the time before; empty where it never did. */
  readonly lastReason: string;
  readonly lastExitCode: number;
}

/** How a pod is. */
export interface PodState {
  readonly phase: string;
  readonly readyContainers: number;
  readonly totalContainers: number;
  readonly restarts: number;
  readonly node: string;
  readonly containers: readonly ContainerState[];
  /** Whose log is meant where no container is named. */
  readonly defaultContainer: string;
}

/** An object of a release, or one that is owned by such. */
export interface TreeNode {
  readonly object: ObjectName;
  readonly uid: string;
  /** Undefined for an object of the manifest. */
  readonly owner: ObjectName | undefined;
  /** kstatus' word. */
  readonly status: string;
  readonly reason: string;
  readonly createTime: Date | undefined;
  readonly pod: PodState | undefined;
}

/** What runs of a release, as it is now. */
export interface ReleaseTree {
  readonly release: Release;
  readonly ready: boolean;
  /** Each followed by what it owns. */
  readonly nodes: readonly TreeNode[];
  /** There are more. */
  readonly truncated: boolean;
  /** What could not be read, and why. */
  readonly unread: readonly string[];
}

/** An Event of Kubernetes on an object of the tree. */
export interface ReleaseEvent {
  readonly namespace: string;
  readonly name: string;
  readonly object: ObjectName;
  readonly fieldPath: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTime: Date | undefined;
  readonly lastTime: Date | undefined;
  readonly source: string;
}

/** What happened to something that is watched. */
export type LiveNews<T> =
  { readonly kind: "added" | "modified" | "deleted"; readonly object: T } | { readonly kind: "synced" };

/** Whose log is meant, and what of it. */
export interface LogQuery {
  readonly target: ReleaseTarget;
  readonly pod: string;
  /** The release's where empty. */
  readonly podNamespace: string;
  readonly container: string;
  readonly follow: boolean;
  readonly sinceSeconds: number | undefined;
  /** RFC 3339. */
  readonly sinceTime: string | undefined;
  readonly previous: boolean;
  readonly tailLines: number | undefined;
  readonly timestamps: boolean;
}

/** A line that a container has printed. */
export interface LogLine {
  readonly text: string;
  /** RFC 3339 with nanoseconds; empty where nobody asked for it. */
  readonly time: string;
  readonly cut: boolean;
}

/** A piece of a log. */
export interface LogNews {
  readonly kind: "opened" | "lines" | "cut";
  readonly container: string;
  readonly lines: readonly LogLine[];
}

/**
 * What of a release runs, as a caller may see it. Watches on the cluster begin
 * with the first who looks, and end soon after the last. Errors:
 * CLUSTER_NOT_FOUND, CLUSTER_UNREACHABLE, FORBIDDEN, RELEASE_NOT_FOUND.
 */
export interface LiveView {
  tree(principal: Principal, target: ReleaseTarget, options?: AskOptions): Promise<ReleaseTree>;
  /** What there is, then what becomes of it, until the signal aborts. */
  watchTree(principal: Principal, target: ReleaseTarget, signal: AbortSignal): AsyncGenerator<LiveNews<TreeNode>>;
  /** The newest first. */
  events(
    principal: Principal,
    target: ReleaseTarget,
    options?: AskOptions,
  ): Promise<{ readonly events: readonly ReleaseEvent[]; readonly unread: readonly string[] }>;
  watchEvents(principal: Principal, target: ReleaseTarget, signal: AbortSignal): AsyncGenerator<LiveNews<ReleaseEvent>>;
  /** POD_NOT_FOUND where the tree has no such pod, LOG_NOT_AVAILABLE where there is nothing to read. */
  logs(principal: Principal, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogNews>;
}
