import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { LiveRelease, ReleaseReader } from "../releases/index.ts";
import { nodeKey } from "./live-object.ts";
import { buildTree } from "./tree.ts";
import type { ReleaseEvent, ReleaseTree, TreeNode } from "./types.ts";
import type { WatchPool } from "./watch-pool.ts";
import { createWatches } from "./watches.ts";

/** Milliseconds in which changes are told together. */
const PAUSE = 100;
/** Milliseconds between two looks at the state of the manifest's objects. */
const LOOK = 500;
/** After so many milliseconds they are looked at without any change: not everything can be watched. */
const LATEST = 30_000;

/** What is known of a release at one time. An object that has not changed is the same one as before. */
export interface Snapshot {
  readonly tree: ReleaseTree;
  readonly nodes: ReadonlyMap<string, TreeNode>;
  readonly events: ReadonlyMap<string, ReleaseEvent>;
}

/** Looks at one release as long as it is open. */
export interface Session {
  /** The newest snapshot; waits for the first. */
  snapshot(signal?: AbortSignal): Promise<Snapshot>;
  /** Resolves with a snapshot other than this one (the first where it is undefined), or undefined once the signal aborts; rejects once the session ended. */
  after(snapshot: Snapshot | undefined, signal: AbortSignal): Promise<Snapshot | undefined>;
  close(): void;
}

/** What sessions are made of. */
export interface SessionParts {
  readonly access: Access;
  readonly clusters: ClusterRegistry;
  readonly reader: Pick<ReleaseReader, "status">;
  readonly pool: WatchPool;
  readonly clock: Clock;
  /** Hears of each revision that is written. */
  readonly onRevision: (listener: (target: ReleaseTarget) => void) => () => void;
}

/** Begins to look at a release. */
export function openSession(
  parts: SessionParts,
  principal: Principal,
  target: ReleaseTarget,
  withEvents: boolean,
): Session {
  const ending = new AbortController();
  const news = createNews();
  const look = createLook(parts, { principal, target, withEvents, signal: ending.signal }, news);
  const forget = parts.onRevision(({ cluster, namespace, name }) => {
    if (cluster === target.cluster && namespace === target.namespace && name === target.name) look.again();
  });
  const close = () => {
    forget();
    ending.abort(new BerthError("UNAVAILABLE", "Nobody looks at the release any more."));
    look.release();
  };
  void look.run().catch((error: unknown) => {
    close();
    news.fail(error as Error);
  });
  return {
    close,
    after: news.after,
    async snapshot(until) {
      const found = news.newest() ?? (await news.after(undefined, until));
      if (found === undefined) throw until?.reason as Error;
      return found;
    },
  };
}

/** What is looked at, and for whom. */
interface Subject {
  readonly principal: Principal;
  readonly target: ReleaseTarget;
  readonly withEvents: boolean;
  readonly signal: AbortSignal;
}

/** Looks at the state of the manifest's objects when one of them changes, and follows the others by watches. */
function createLook(
  { access, clock, clusters, reader, pool }: SessionParts,
  { principal, target, withEvents, signal }: Subject,
  news: NewsOfSession,
) {
  const cluster = clusters.get(target.cluster);
  let again = new AbortController();
  let isPublishing = false;
  let live: LiveRelease | undefined;
  let rootKeys: ReadonlySet<string> = new Set();
  const publish = () => {
    if (live !== undefined && !signal.aborted) news.tell(snapshotOf(live, watches, news.newest()));
  };
  const publishSoon = async () => {
    if (isPublishing || news.newest() === undefined) return;
    isPublishing = true;
    await clock.sleep(PAUSE, signal).catch(() => undefined);
    isPublishing = false;
    publish();
  };
  const watches = createWatches({
    ...{ pool, cluster, withEvents, signal },
    // Who may read a release sees what runs of it in its own namespace, elsewhere what Kubernetes itself lets them list.
    mayList: async ({ group, plural }, namespace) =>
      namespace === target.namespace ||
      access.allows(principal, { verb: "list", group, resource: plural, cluster: cluster.name, namespace, name: "" }),
    onChange(object) {
      if (object !== undefined && rootKeys.has(nodeKey(object))) again.abort();
      void publishSoon();
    },
  });
  const look = async () => {
    again = new AbortController();
    if (clusters.get(target.cluster).client !== cluster.client) {
      throw new BerthError("UNAVAILABLE", "The cluster is connected to in another way now.", { hint: "Ask again." });
    }
    await access.check(principal, { verb: "get", resource: "releases", ...target });
    try {
      live = await reader.status(principal, target, 0, { signal });
    } catch (error) {
      // What is known stays true until more is known.
      if (live === undefined || !isPassing(error)) throw error;
      return;
    }
    const roots = live.objects.map(({ object }) => object);
    rootKeys = new Set(roots.map(nodeKey));
    const began = await watches.arrange(roots);
    publish();
    // What has changed before the watches began is seen by another look.
    if (began) again.abort();
  };
  return {
    again: () => again.abort(),
    release: () => watches.release(),
    async run() {
      while (!signal.aborted) {
        await look();
        await clock.sleep(LOOK, signal);
        await clock.sleep(LATEST, AbortSignal.any([signal, again.signal])).catch(() => undefined);
      }
    },
  };
}

/** The newest snapshot, and those who wait for the next. */
interface NewsOfSession {
  newest(): Snapshot | undefined;
  tell(snapshot: Snapshot): void;
  /** Nothing comes any more. */
  fail(error: Error): void;
  after(known: Snapshot | undefined, signal: AbortSignal | undefined): Promise<Snapshot | undefined>;
}

function createNews(): NewsOfSession {
  const listeners = new Set<() => void>();
  let newest: Snapshot | undefined;
  let failure: Error | undefined;
  const wake = () => {
    for (const listener of [...listeners]) listener();
  };
  return {
    newest: () => newest,
    tell(snapshot) {
      newest = snapshot;
      wake();
    },
    fail(error) {
      failure ??= error;
      wake();
    },
    async after(known, signal) {
      while (signal?.aborted !== true) {
        if (failure !== undefined) throw failure;
        if (newest !== known) return newest;
        await heard(listeners, signal);
      }
      return undefined;
    },
  };
}

/** Resolves with the next change, or once the signal aborts. */
function heard(listeners: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      listeners.delete(done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    listeners.add(done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

function snapshotOf(
  live: LiveRelease,
  watches: ReturnType<typeof createWatches>,
  before: Snapshot | undefined,
): Snapshot {
  const { nodes: built, truncated } = buildTree(live.objects, watches);
  const nodes = new Map(built.map((node) => [nodeKey(node.object), same(before?.nodes, nodeKey(node.object), node)]));
  // What was reported of a pod is not forgotten with the pod.
  const keys = new Set([...nodes.keys(), ...[...(before?.events.values() ?? [])].map(({ object }) => nodeKey(object))]);
  const reported = [...keys].flatMap((key) => watches.events(key));
  const events = new Map(reported.map((event) => [`${event.namespace}/${event.name}`, event]));
  const { release, ready } = live;
  return { tree: { release, ready, nodes: [...nodes.values()], truncated, unread: watches.unread() }, nodes, events };
}

/** The one of before, where nothing of it has changed. */
function same(before: ReadonlyMap<string, TreeNode> | undefined, key: string, node: TreeNode): TreeNode {
  const known = before?.get(key);
  if (known === undefined) return node;
  // Of an object that no watch has told anew this is all there can be.
  const { owner, status, reason, uid, pod, createTime } = node;
  const isSameOwner = known.owner === owner || JSON.stringify(known.owner) === JSON.stringify(owner);
  const isAsBefore = known.status === status && known.reason === reason && known.uid === uid && isSameOwner;
  if (!isAsBefore) return node;
  if (known.pod === pod && known.createTime === createTime) return known;
  return JSON.stringify(known) === JSON.stringify(node) ? known : node;
}

/** Whether it may well succeed the next time. */
function isPassing(error: unknown): boolean {
  return error instanceof BerthError && /^(CLUSTER_UNREACHABLE|ENGINE_LOST|UNAVAILABLE|EXHAUSTED)$/.test(error.code);
}
