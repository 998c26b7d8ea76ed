import { boundText } from "@berth/base";
import type { KubeObject } from "@berth/kube";

import type { ContainerState, PodState } from "./types.ts";

/** Characters of what the kubelet says. */
const MAX_MESSAGE = 500;
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** A container's status as the kubelet writes it. */
interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: State;
  readonly lastState?: State;
}

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: Terminated;
}

interface Terminated {
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
}

/** A pod, as far as it is looked at. */
export interface PodObject extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly { readonly name: string }[];
    readonly initContainers?: readonly { readonly name: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

/** A condition of an object's status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** How a pod is, in the kubelet's words. */
export function podState({ metadata, spec = {}, status = {} }: PodObject): PodState {
  const of = (names: readonly { readonly name: string }[], statuses: readonly ContainerStatus[], init: boolean) =>
    names.map(({ name }) =>
      containerState(
        name,
        init,
        statuses.find((one) => one.name === name),
      ),
    );
  const inits = of(spec.initContainers ?? [], status.initContainerStatuses ?? [], true);
  const mains = of(spec.containers ?? [], status.containerStatuses ?? [], false);
  const named = metadata.annotations?.[DEFAULT_CONTAINER];
  const isNamed = mains.some(({ name }) => name === named);
  return {
    phase: status.phase ?? "",
    readyContainers: mains.filter(({ ready }) => ready).length,
    totalContainers: mains.length,
    restarts: [...inits, ...mains].reduce((sum, { restarts }) => sum + restarts, 0),
    node: spec.nodeName ?? "",
    containers: [...inits, ...mains],
    defaultContainer: (isNamed ? named : mains[0]?.name) ?? "",
  };
}

function containerState(name: string, init: boolean, status: ContainerStatus | undefined): ContainerState {
  const { waiting, running, terminated } = status?.state ?? {};
  const now = waiting ?? terminated;
  const last = status?.lastState?.terminated;
  return {
    ...{ name, init, ready: status?.ready ?? false, restarts: status?.restartCount ?? 0 },
    state: waiting ? "waiting" : terminated ? "terminated" : running ? "running" : "",
    reason: boundText(now?.reason ?? "", 100),
    message: boundText(now?.message ?? "", MAX_MESSAGE),
    exitCode: terminated?.exitCode ?? 0,
    lastReason: boundText(last?.reason ?? "", 100),
    lastExitCode: last?.exitCode ?? 0,
  };
}
