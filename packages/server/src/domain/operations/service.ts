import type { Clock, Logger } from "@berth/base";
import type { KubeClient } from "@berth/kube";

import type { Access } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { ChartResolver } from "../charts/index.ts";
import type { ClusterRegistry, Watch } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { Actions, Holder } from "../releases/index.ts";
import { createCallbacks } from "./callbacks/callbacks.ts";
import type { CallbackOptions } from "./callbacks/types.ts";
import { createFollowers } from "./followers.ts";
import { createHomeCache } from "./store/cache.ts";
import { createHomeWrites } from "./store/writes.ts";
import { createNameGenerator, newOperationId } from "./names.ts";
import { createRetry } from "./retry.ts";
import type { Retry } from "./retry.ts";
import { createSubmit } from "./submit.ts";
import { createSweeper } from "./sweep.ts";
import type { Retention } from "./sweep.ts";
import type { Exposing, Operation, OperationView, Submit } from "./types.ts";
import { createOperationView } from "./view.ts";
import { createLiveness, createReplica } from "./work/replica.ts";
import type { Ended } from "./work/perform.ts";
import type { Limits } from "./work/slots.ts";
import { createWorker } from "./work/worker.ts";

/** What operations are made of. */
export interface OperationsParts {
  /** Client of the home cluster, as Berth itself. */
  readonly client: KubeClient;
  /** Namespace of Berth's own objects. */
  readonly namespace: string;
  readonly access: Access;
  readonly audit: Audit;
  readonly clusters: ClusterRegistry;
  readonly actions: Actions;
  readonly holder: Holder;
  readonly exposing: Exposing;
  readonly charts: ChartResolver;
  readonly isStored: (target: ReleaseTarget) => boolean;
  readonly limits: Limits & { readonly open: number; readonly openPerTenant: number };
  readonly retention: Retention;
  readonly callbacks: CallbackOptions;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Operations of one replica: the gate, the view, and the work. */
export interface Operations {
  readonly submit: Submit;
  readonly view: OperationView;
  readonly retry: Retry;
  /** Whether an operation of a release is open; true also while that is not known. */
  isOpen(target: ReleaseTarget): boolean;
  /** Hears of each operation that ends on this replica. */
  onEnded(listener: (operation: Operation) => void): void;
  /** Its watches, and how many operations of all replicas are open, for whoever measures. */
  watches(): readonly Watch[];
  open(): { readonly queued: number; readonly running: number };
  /** Whether what is stored is known, and if not, why. */
  ready(): { readonly ok: boolean; readonly reason: string };
  start(): void;
  /** Takes no new work, lets what runs end for `drainMs`, and hands the rest on. */
  drain(drainMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Makes the operations of this replica. */
export function createOperations(parts: OperationsParts): Operations {
  const { client, namespace, clock, limits } = parts;
  const cache = createHomeCache(parts);
  const listeners: ((operation: Operation) => void)[] = [];
  const writes = createHomeWrites(client, namespace, (queue) => cache.queue(queue)?.object);
  const followers = createFollowers(cache, clock);
  const replica = createReplica(parts);
  const liveness = createLiveness({ cache, client, namespace, clock });
  const shared = { ...parts, cache, writes, followers, newId: newOperationId };
  const worker = createWorker({
    ...{ ...shared, replica, liveness },
    onEnded(ended) {
      auditEnd(parts.audit, ended);
      // Before the watch does: whoever waits has waited long enough.
      if (ended.operation.endTime === undefined) return;
      for (const listener of listeners) listener(ended.operation);
      cache.learn(ended.record);
      followers.tell(ended.record);
    },
  });
  const callbacks = createCallbacks({ ...shared, replica, liveness }, parts.callbacks);
  const sweeper = createSweeper({ ...shared, liveness });
  return {
    submit: createSubmit({
      ...shared,
      offer: worker.offer,
      generateName: createNameGenerator(() => clock.now()),
      maxOpen: { all: limits.open, perTenant: limits.openPerTenant },
      checkCallback: (url) => callbacks.check(url),
    }),
    view: createOperationView(shared),
    retry: createRetry({ ...shared, offer: worker.offer }),
    ready: () => cache.ready(),
    onEnded: (listener) => void listeners.push(listener),
    watches: () => cache.watches(),
    open() {
      const open = cache.operations.byIndex("open", "all");
      const running = open.filter(({ status }) => status?.state === "running").length;
      return { queued: open.length - running, running };
    },
    isOpen: (target) => !cache.ready().ok || cache.openOf(target).length > 0,
    start() {
      cache.start();
      worker.start();
      callbacks.start();
      sweeper.start();
    },
    async drain(drainMs) {
      await worker.stop(drainMs);
      await callbacks.stop();
    },
    async stop() {
      await worker.stop(0);
      await callbacks.stop();
      liveness.stop();
      await sweeper.stop();
      await cache.stop();
    },
  };
}

/** One audit line for each ending; what is let go of has none yet. */
function auditEnd(audit: Audit, { operation, record }: Ended): void {
  if (operation.endTime === undefined) return;
  const { id, cluster, namespace, release, principal, requestId, verb, result, error } = operation;
  const isRefused = error !== undefined && result === undefined && error.code !== "CANCELLED";
  audit({
    ...{ principal, verb, resource: "releases", cluster, namespace, name: release, requestId, operation: id },
    traceparent: record.spec.request.traceparent,
    outcome: isRefused ? "refused" : (operation.state as "succeeded" | "failed" | "cancelled"),
    code: error?.code,
    revision: result?.release?.revision,
  });
}
