import { boundText } from "@berth/base";
import type { KubeObject } from "@berth/kube";

import type { Condition, PodObject } from "./pod-state.ts";
import { podState } from "./pod-state.ts";

/** kstatus' word for an object, and why. */
export interface Health {
  readonly status: "Current" | "InProgress" | "Failed" | "Terminating" | "Unknown";
  readonly reason: string;
}

/** A workload, as far as it is looked at. */
interface WorkloadObject extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly suspend?: boolean };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly updatedReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
    readonly updatedNumberScheduled?: number;
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly startTime?: string;
    readonly conditions?: readonly Condition[];
  };
}

const current = (reason = ""): Health => ({ status: "Current", reason });
const inProgress = (reason: string): Health => ({ status: "InProgress", reason });
const failed = (reason: string): Health => ({ status: "Failed", reason });

/** Waiting reasons that mean that it will not come right by itself. */
const BROKEN = /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|InvalidImageName|Create\w*Error|RunContainerError)$/;

/** Judges what a release's objects own by kstatus' rules; of a release's own objects the engine says it. */
export function healthOf(kind: string, object: KubeObject): Health {
  if (object.metadata.deletionTimestamp !== undefined) return { status: "Terminating", reason: "" };
  if (kind === "Pod") return ofPod(object);
  const workload = object as WorkloadObject;
  const seen = workload.status?.observedGeneration;
  if (seen !== undefined && seen < (object.metadata.generation ?? 0)) return inProgress("its change is not seen yet");
  return kind === "Job" ? ofJob(workload) : kind === "CronJob" ? current() : ofReplicas(kind, workload);
}

function ofPod(pod: PodObject): Health {
  const { phase = "", reason = "", message = "", conditions = [] } = pod.status ?? {};
  const { containers } = podState(pod);
  if (phase === "Succeeded") return current("Succeeded");
  const ended = containers.find(({ state, exitCode }) => state === "terminated" && exitCode !== 0);
  const words = (one: { readonly reason: string; readonly message: string }) =>
    boundText(one.message === "" ? one.reason : `${one.reason}: ${one.message}`, 500);
  if (phase === "Failed") {
    if (reason !== "") return failed(words({ reason, message }));
    return failed(ended === undefined ? "Failed" : `${ended.reason || "Error"}, exit code ${String(ended.exitCode)}`);
  }
  const waiting = containers.find((one) => one.state === "waiting" && BROKEN.test(one.reason));
  if (waiting !== undefined) return failed(words(waiting));
  if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return current("Running");
  const unscheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled?.reason !== undefined) {
    return inProgress(words({ reason: unscheduled.reason, message: unscheduled.message ?? "" }));
  }
  if (ended !== undefined) return inProgress(`${ended.reason || "Error"}, exit code ${String(ended.exitCode)}`);
  const slow = containers.find(({ state, reason: why }) => state === "waiting" && why !== "");
  return inProgress(slow === undefined ? (phase === "Running" ? "not ready" : phase) : words(slow));
}

function ofJob({ status = {} }: WorkloadObject): Health {
  const of = (wanted: string) => status.conditions?.find(({ type, status: is }) => type === wanted && is === "True");
  const { active = 0, succeeded = 0, failed: failures = 0 } = status;
  const counts = `active ${String(active)}, succeeded ${String(succeeded)}, failed ${String(failures)}`;
  const broken = of("Failed");
  if (broken !== undefined) return failed(boundText(`${broken.reason ?? ""}: ${broken.message ?? ""}`, 500));
  if (of("Complete") !== undefined) return current(counts);
  return status.startTime === undefined ? inProgress("not started") : current(counts);
}

function ofReplicas(kind: string, { spec = {}, status = {} }: WorkloadObject): Health {
  const isDaemon = kind === "DaemonSet";
  const wanted = isDaemon ? status.desiredNumberScheduled : (spec.replicas ?? 1);
  if (wanted === undefined || status.observedGeneration === undefined) return inProgress("not looked at yet");
  const ready = (isDaemon ? status.numberReady : status.readyReplicas) ?? 0;
  const updated = isDaemon ? status.updatedNumberScheduled : status.updatedReplicas;
  const words = `ready ${String(ready)}/${String(wanted)}`;
  const isOld = (kind === "Deployment" || isDaemon) && (updated ?? 0) < wanted;
  return ready < wanted || isOld ? inProgress(words) : current(words);
}
