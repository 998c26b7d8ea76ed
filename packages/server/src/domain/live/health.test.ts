import assert from "node:assert/strict";
import { test } from "node:test";

import { healthOf } from "./health.ts";
import type { PodObject } from "./pod-state.ts";
import { podState } from "./pod-state.ts";

function pod(status: NonNullable<PodObject["status"]>): PodObject {
  return { metadata: { name: "pod" }, spec: { containers: [{ name: "main" }] }, status };
}

const container = (state: object, more: object = {}) => [{ name: "main", state, ...more }];
const of = (status: NonNullable<PodObject["status"]>) => {
  const { status: word, reason } = healthOf("Pod", pod(status));
  return `${word}: ${reason}`;
};

test("a pod is judged by its phase, its readiness and what the kubelet says", () => {
  const isReady = (status: string) => [{ type: "Ready", status }];
  assert.equal(of({ phase: "Running", conditions: isReady("True") }), "Current: Running");
  assert.equal(of({ phase: "Running", conditions: isReady("False") }), "InProgress: not ready");
  assert.equal(of({ phase: "Succeeded" }), "Current: Succeeded");
  assert.equal(of({ phase: "Failed", reason: "Evicted", message: "too large" }), "Failed: Evicted: too large");
  const ended = container({ terminated: { reason: "OOMKilled", exitCode: 137 } });
  assert.equal(of({ phase: "Failed", containerStatuses: ended }), "Failed: OOMKilled, exit code 137");
  const waiting = container({ waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } });
  assert.equal(of({ phase: "Running", containerStatuses: waiting }), "Failed: CrashLoopBackOff: back-off 10s");
  const creating = container({ waiting: { reason: "ContainerCreating" } });
  assert.equal(of({ phase: "Pending", containerStatuses: creating }), "InProgress: ContainerCreating");
  const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no nodes" }];
  assert.equal(of({ phase: "Pending", conditions }), "InProgress: Unschedulable: no nodes");
});

test("what is being deleted is Terminating, whatever else it says", () => {
  const { metadata, ...rest } = pod({ phase: "Running" });
  const dying = { ...rest, metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  assert.equal(healthOf("Pod", dying).status, "Terminating");
});

test("workloads are judged by their counts, and a Job by its conditions", () => {
  const judge = (kind: string, spec: object, status: object, generation = 1) => {
    const object = { metadata: { name: "x", generation }, spec, status };
    const { status: word, reason } = healthOf(kind, object);
    return `${word}: ${reason}`;
  };
  const seen = { observedGeneration: 1 };
  assert.equal(judge("ReplicaSet", { replicas: 2 }, { ...seen, readyReplicas: 1 }), "InProgress: ready 1/2");
  assert.equal(judge("ReplicaSet", { replicas: 0 }, seen), "Current: ready 0/0");
  assert.equal(judge("ReplicaSet", { replicas: 2 }, { ...seen, readyReplicas: 2 }, 2).slice(0, 10), "InProgress");
  assert.equal(judge("DaemonSet", {}, { ...seen, desiredNumberScheduled: 1, numberReady: 1 }), "InProgress: ready 1/1");
  const failed = [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "too often" }];
  assert.equal(judge("Job", {}, { conditions: failed }), "Failed: BackoffLimitExceeded: too often");
  assert.equal(judge("Job", {}, {}), "InProgress: not started");
  assert.equal(judge("Job", {}, { startTime: "x", active: 1 }), "Current: active 1, succeeded 0, failed 0");
});

test("a pod's containers have the kubelet's own words, of now and of the run before", () => {
  const lastState = { terminated: { reason: "OOMKilled", exitCode: 137 } };
  const state = { waiting: { reason: "CrashLoopBackOff" } };
  const { restarts, readyContainers, totalContainers, containers, defaultContainer } = podState({
    metadata: { name: "pod", annotations: { "kubectl.kubernetes.io/default-container": "side" } },
    spec: { containers: [{ name: "main" }, { name: "side" }], initContainers: [{ name: "first" }] },
    status: {
      containerStatuses: [
        { name: "main", restartCount: 3, lastState, state },
        { name: "side", ready: true },
      ],
    },
  });
  assert.deepEqual([restarts, readyContainers, totalContainers, defaultContainer], [3, 1, 2, "side"]);
  assert.deepEqual(
    containers.map(({ name, init, state: now, reason, lastReason, lastExitCode }) =>
      [name, init, now, reason, lastReason, lastExitCode].join(" "),
    ),
    ["first true    0", "main false waiting CrashLoopBackOff OOMKilled 137", "side false    0"],
  );
});
