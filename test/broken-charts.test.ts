import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import type { ErrorAnswer, OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import type { ChartFiles } from "./support/charts.ts";
import { readEvents } from "./support/events.ts";

/*
 * Charts that are broken as charts are: whoever installs one is told which object it is and why, in the error and, where
 * something is waited for, in the events before it.
 */

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
  await limit();
});
after(() => berth[Symbol.asyncDispose]());

/** A quota that none of the other charts comes near. */
async function limit(): Promise<void> {
  await berth.kube.request({
    method: "POST",
    path: `/api/v1/namespaces/${berth.namespace}/resourcequotas`,
    body: { metadata: { name: "small" }, spec: { hard: { "requests.nvidia.com/gpu": "1" } } },
  });
}

/** A Deployment; `pod` is put into the spec of its pods. */
function deployment(pod = "", container = ""): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}-app" }
spec:
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  template:
    metadata: { labels: { app: "{{ .Release.Name }}" } }
    spec:
      ${pod}
      containers: [{ name: main, image: registry.local/app:1${container} }]
`;
}

/** A pod that stays as the test leaves it: no scheduler looks after it, so that it comes to no simulated kubelet. */
const UNTENDED = "schedulerName: nobody";

/** A Job that fails; `metadata` is added to its own. */
function failingJob(metadata = ""): string {
  return `apiVersion: batch/v1
kind: Job
metadata: { name: "{{ .Release.Name }}-job"${metadata} }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { devcluster.berth.dev/fail: "true" } }
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: registry.local/job:1 }]
`;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

/** Says what a kubelet would say of a container of the release's pod. */
async function say(release: string, container: Record<string, unknown>): Promise<void> {
  const path = `/api/v1/namespaces/${berth.namespace}/pods`;
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const query = { labelSelector: `app=${release}` };
    const [pod] = (await berth.kube.request<{ items: Pod[] }>({ path, query })).items;
    if (pod === undefined) continue;
    const main = { name: "main", image: "registry.local/app:1", imageID: "", ready: false, restartCount: 0 };
    const conditions = ["Ready", "ContainersReady"].map((type) => ({
      ...{ type, status: "False", reason: "ContainersNotReady" },
      message: "containers with unready status: [main]",
    }));
    await berth.kube.request({
      ...{ method: "PATCH", path: `${path}/${pod.metadata.name}/status` },
      contentType: "application/merge-patch+json",
      body: { status: { phase: "Pending", conditions, containerStatuses: [{ ...main, ...container }] } },
    });
    return;
  }
  assert.fail(`${release} has no pod`);
}

/** A broken chart and what has to be said of it. */
interface Broken {
  readonly template: string;
  readonly code: string;
  /** The object's kind and, after a slash, what follows the release's name. */
  readonly object: string;
  readonly reason: RegExp;
  /** What the kubelet says. */
  readonly kubelet?: Record<string, unknown>;
  /** No event tells of it before its end: nothing is waited for, or as Helm 3 waits, which reports nothing. */
  readonly atOnce?: boolean;
  /** What the events say, where that is not the reason. */
  readonly event?: RegExp;
  readonly options?: Record<string, unknown>;
}

const BROKEN: Readonly<Record<string, Broken>> = {
  unschedulable: {
    template: deployment("nodeSelector: { nowhere: 'true' }"),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    reason: /Pod unschedulable-app-\S+: Unschedulable: 0\/\d+ nodes are available/,
  },
  quota: {
    template: deployment("", ', resources: { limits: { nvidia.com/gpu: "2" } }'),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    reason: /FailedCreate: .*exceeded quota: small/,
  },
  account: {
    template: deployment("serviceAccountName: nobody"),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    reason: /FailedCreate: .*serviceaccount "nobody" not found/,
  },
  image: {
    template: deployment(UNTENDED),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    kubelet: { state: { waiting: { reason: "ImagePullBackOff", message: "manifest unknown" } } },
    reason: /Pod image-app-\S+, container main: ImagePullBackOff: manifest unknown/,
  },
  crash: {
    template: deployment(UNTENDED),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    kubelet: {
      restartCount: 3,
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } },
      lastState: { terminated: { exitCode: 3, reason: "Error", message: "no database" } },
    },
    reason: /container main: CrashLoopBackOff: back-off 40s, ended last by Error with exit code 3 no database/,
  },
  unready: {
    template: deployment(UNTENDED),
    ...{ code: "WAIT_TIMEOUT", object: "Deployment/-app" },
    kubelet: { state: { running: { startedAt: "2026-01-01T00:00:00Z" } } },
    reason: /Pod unready-app-\S+: ContainersNotReady: containers with unready status: \[main\]/,
  },
  claim: {
    template: `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: "{{ .Release.Name }}-data" }
spec: { storageClassName: missing, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`,
    ...{ code: "WAIT_TIMEOUT", object: "PersistentVolumeClaim/-data" },
    reason: /ProvisioningFailed: storageclass.storage.k8s.io "missing" not found/,
  },
  job: {
    template: failingJob(),
    ...{ code: "WAIT_TIMEOUT", object: "Job/-job" },
    reason: /Pod job-job-\S+, container main: Error: exit code 1/,
  },
  hook: {
    template: failingJob(", annotations: { helm.sh/hook: pre-install }"),
    ...{ code: "HOOK_FAILED", object: "Job/-job", event: /^log .*simulated by KWOK/s },
    reason: /Pod hook-job-\S+, container main: Error: exit code 1/,
  },
  balancer: {
    template: `apiVersion: v1
kind: Service
metadata: { name: "{{ .Release.Name }}-front" }
spec: { type: LoadBalancer, selector: { app: front }, ports: [{ port: 80 }] }
`,
    ...{ code: "WAIT_TIMEOUT", object: "Service/-front", atOnce: true },
    // Helm's own rule counts it as ready with a cluster IP; that of Helm 3 waits for the address.
    options: { wait_strategy: "WAIT_STRATEGY_LEGACY" },
    reason: /no address of a load balancer yet/,
  },
  invalid: {
    template: `apiVersion: v1
kind: Service
metadata: { name: "{{ .Release.Name }}-front" }
spec: { selector: { app: front }, ports: [{ port: 99999 }] }
`,
    ...{ code: "CLUSTER_REFUSED", object: "Service/-front", atOnce: true },
    reason: /spec\.ports\[0\]\.port: Invalid value: 99999/,
  },
  definition: {
    template: `apiVersion: nowhere.example.com/v1
kind: Gadget
metadata: { name: "{{ .Release.Name }}-gadget" }
`,
    ...{ code: "API_REMOVED", object: "Gadget/-gadget", atOnce: true },
    reason: /does not serve nowhere.example.com\/v1 Gadget, which "definition-gadget" is of/,
  },
};

/** Everything an operation's events have said of objects. */
async function statuses(id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { event, data } of readEvents(`${berth.url}/v1/operations/${id}/events`)) {
    if (event !== "operation") found.push(`${event} ${JSON.stringify(data)}`);
  }
  return found;
}

function wordsOf(error: ErrorAnswer): string {
  return `${error.message ?? ""} ${error.detail ?? ""} ${error.reason ?? ""}`;
}

async function end(name: string, broken: Broken) {
  const files: ChartFiles = { "templates/broken.yaml": broken.template };
  const path = await berth.charts.write(`broken-${name}`, files);
  const options = { wait: true, wait_for_jobs: true, timeout: "4s", ...broken.options };
  const body = { name, chart: { path }, options };
  const asked = berth.request<OperationAnswer>("POST", berth.releases, body);
  if (broken.kubelet !== undefined) await say(name, broken.kubelet);
  return (await asked).body;
}

suite("a broken chart", { concurrency: true }, () => {
  for (const [name, broken] of Object.entries(BROKEN)) {
    test(name, { timeout: 60_000 }, async () => {
      const operation = await end(name, broken);
      // What was refused with nothing done is a problem of its own.
      const error = operation.state === undefined ? (operation as unknown as ErrorAnswer) : operation.error;
      assert.ok(error, JSON.stringify(operation));
      const events = broken.atOnce === true ? [] : await statuses(operation.id);
      const note = `${JSON.stringify(operation)}\n${events.join("\n")}`;
      assert.equal(error.code, broken.code, note);
      assert.match(wordsOf(error), broken.reason, note);
      const [kind, suffix = ""] = broken.object.split("/");
      assert.deepEqual([error.object?.kind, error.object?.name], [kind, name + suffix], note);
      if (broken.atOnce !== true) {
        assert.ok(
          events.some((event) => (broken.event ?? broken.reason).test(event.replaceAll('\\"', '"'))),
          note,
        );
      }
    });
  }
});
