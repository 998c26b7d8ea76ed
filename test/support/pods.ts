import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";

import type { KubeClient, KubeObject } from "@berth/kube";

/** A pod as it is stored. */
export interface Pod extends KubeObject {
  readonly metadata: KubeObject["metadata"] & { readonly deletionTimestamp?: string };
  readonly spec: { readonly containers: readonly [{ readonly image: string }] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

/** Whether a pod counts as ready. */
export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

/** What a pod has printed so far. */
export async function logOf(kube: KubeClient, namespace: string, pod: string): Promise<string> {
  let text = "";
  const lines = await kube.stream({ path: `/api/v1/namespaces/${namespace}/pods/${pod}/log` });
  for await (const chunk of lines) text += chunk.toString();
  return text;
}

/** Kills a program of a pod as the kernel does: it ends within its instruction, and the kubelet starts it again. */
export async function killProgram({ metadata }: Pod, program: string): Promise<void> {
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  let killed = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const isOfPod = (await read(pid, "cgroup")).includes(`pod${metadata.uid ?? "?"}`);
    if (!isOfPod || !(await read(pid, "cmdline")).includes(program)) continue;
    process.kill(Number(pid), "SIGKILL");
    killed++;
  }
  assert.equal(killed, 1, `${program} runs once in ${metadata.name}`);
}

/** A pod that runs a program on Node, in Berth's image, as nobody who may do anything. */
export function nodePod(
  image: string,
  name: string,
  script: string,
  { volumes = [], ...more }: { volumes?: object[]; volumeMounts?: object[]; readinessProbe?: object } = {},
) {
  const command = ["/usr/bin/node", "--input-type=module", "--eval", script];
  const container = { name: "main", image, imagePullPolicy: "Never", command, ...more };
  return {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app: name } } },
    spec: { restartPolicy: "Never", automountServiceAccountToken: false, containers: [container], volumes },
  };
}

/** Asks until there is an answer, for a minute unless told otherwise, and gives it. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, ms = 60_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < end, `${what} did not come true within ${String(ms)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
