import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { applyDefinitions, createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { UNSETTLED } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { helmJson } from "./support/helm.ts";
import { startReplica } from "./support/replica.ts";
import type { ReplicaProcess } from "./support/replica.ts";

/*
 * Operations of each verb are held in each of their phases by pods that fit no node until the test opens a gate: it is a
 * label of a node. Then something is killed, the gate opened, and all of them have to come to one truthful ending.
 */

const HOME = "berth-system";

let cluster: DevCluster;
let kube: KubeClient;
let charts: ChartDirectory;
let chart: string;
let first: ReplicaProcess;

before(async () => {
  cluster = await ownTestCluster();
  kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  await applyDefinitions(kube, systemClock);
  await ensureNamespace(kube, HOME);
  charts = await makeChartDirectory();
  chart = await charts.write("gated", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/app.yaml": GATED_DEPLOYMENT,
    ...Object.fromEntries(HOOKS.map((hook) => [`templates/${hook}.yaml`, gatedHook(hook)])),
  });
  first = await startReplica(cluster.kubeconfig, HOME);
});
after(async () => {
  await first.stop();
  await kube.close();
  await charts[Symbol.asyncDispose]();
  await cluster.stop();
});

const HOOKS = [
  ...["pre-install", "post-install", "pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback"],
  ...["pre-delete", "post-delete", "test"],
];

/** Where an operation is held: a hook, or the objects that are waited for. */
const PLACES = [
  ...["install pre-install", "install wait", "install post-install"],
  ...["upgrade pre-upgrade", "upgrade wait", "upgrade post-upgrade"],
  ...["rollback pre-rollback", "rollback wait", "rollback post-rollback"],
  ...["uninstall pre-delete", "uninstall post-delete", "test test"],
] as const;

const GATED_DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}-app" }
spec:
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  strategy: { type: Recreate }
  template:
    metadata: { labels: { app: "{{ .Release.Name }}", round: "r{{ .Values.round }}" } }
    spec:
      {{- if eq (.Values.gate | default "") "wait" }}
      nodeSelector: { "gate-{{ .Values.key }}": open }
      {{- end }}
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: registry.local/app:1 }]
`;

function gatedHook(hook: string): string {
  return `{{- if eq (.Values.gate | default "") "${hook}" }}
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-${hook}"
  annotations: { helm.sh/hook: ${hook}, helm.sh/hook-delete-policy: "before-hook-creation,hook-succeeded" }
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: { "gate-{{ .Values.key }}": open }
      containers: [{ name: main, image: registry.local/hook:1 }]
{{- end }}
`;
}

interface Held {
  readonly place: string;
  readonly release: string;
  readonly id: string;
}

async function send(method: string, path: string, body?: unknown, prefer = ""): Promise<OperationAnswer> {
  const response = await fetch(first.url + path, {
    method,
    headers: { "content-type": "application/json", prefer },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as OperationAnswer;
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}

const RELEASES = "/v1/clusters/local/namespaces/default/releases";
const OPTIONS = { wait: true, timeout: "180s" };

function nameOf(place: string, round: string): string {
  return `${place.replace(" ", "-")}-${round}`;
}

function bodyOf(values: Record<string, unknown>): Record<string, unknown> {
  return { chart: { path: chart }, values, options: OPTIONS };
}

/** Brings a release to where an operation of the verb can begin. What is stored waits for the gate `always`. */
async function prepare(place: string, round: string): Promise<void> {
  const [verb = "", gate = ""] = place.split(" ");
  const name = nameOf(place, round);
  const stored = verb === "upgrade" ? {} : { gate };
  if (verb === "install") return;
  await send("POST", RELEASES, { name, ...bodyOf({ ...stored, key: "always", round: 1 }) }, "wait=60");
  if (verb !== "rollback") return;
  await send("PUT", `${RELEASES}/${name}`, bodyOf({ ...stored, key: "always", round: 2 }), "wait=60");
}

/** Begins an operation that its gate will hold. */
async function begin(place: string, round: string): Promise<Held> {
  const [verb = "", gate = ""] = place.split(" ");
  const release = nameOf(place, round);
  const path = `${RELEASES}/${release}`;
  const asked = (): Promise<OperationAnswer> => {
    switch (verb) {
      case "install":
        return send("POST", RELEASES, { name: release, ...bodyOf({ gate, key: round, round: 1 }) });
      case "upgrade":
        return send("PUT", path, bodyOf({ gate, key: round, round: 2 }));
      case "rollback":
        return send("POST", `${path}:rollback`, { revision: 1, options: OPTIONS });
      case "uninstall":
        return send("DELETE", path);
      default:
        return send("POST", `${path}:test`, { timeout: "180s" });
    }
  };
  return { place, release, id: (await asked()).id };
}

/** Opens a gate, or shuts it, as soon as the API server answers. */
async function open(key: string, isOpen: boolean): Promise<void> {
  const body = { metadata: { labels: { [`gate-${key}`]: isOpen ? "open" : null } } };
  const contentType = "application/merge-patch+json";
  for (let waited = 0; ; waited += 200) {
    try {
      return void (await kube.request({ method: "PATCH", path: "/api/v1/nodes/sim-1", body, contentType }));
    } catch (error) {
      if (waited > 30_000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function read(id: string, query = ""): Promise<OperationAnswer> {
  return (await (await fetch(`${first.url}/v1/operations/${id}${query}`)).json()) as OperationAnswer;
}

async function untilHeld({ id, place }: Held): Promise<void> {
  const [, gate = ""] = place.split(" ");
  const phase =
    gate === "wait" ? "waiting" : gate === "test" ? "testing" : gate.startsWith("pre") ? "pre-hooks" : "post-hooks";
  for (let waited = 0; ; waited += 200) {
    const operation = await read(id);
    if (operation.phase === phase) return;
    assert.ok(waited < 40_000 && !operation.done, `${place} is not held: ${JSON.stringify(operation)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

interface Revision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

async function check(held: Held): Promise<void> {
  const operation = await read(held.id, "?wait=120");
  const note = `${held.place}: ${JSON.stringify(operation)}`;
  assert.equal(operation.state, "OPERATION_STATE_SUCCEEDED", note);
  const verb = held.place.split(" ")[0];
  const history = await helmJson<Revision[]>(cluster.kubeconfig, "-n", "default", "history", held.release).catch(
    () => [],
  );
  if (verb === "uninstall") return assert.deepEqual(history, [], note);
  const numbers = history.map(({ revision }) => revision);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
    `${note}: each revision once`,
  );
  assert.equal(history.filter(({ status }) => status === "deployed").length, 1, `${note} ${JSON.stringify(history)}`);
  assert.equal(history.at(-1)?.status, "deployed", `${note} ${JSON.stringify(history)}`);
  assert.deepEqual(
    history.filter(({ status }) => UNSETTLED.test(status)),
    [],
    note,
  );
}

const KILLS: Readonly<Record<string, () => Promise<void>>> = {
  engine: () => {
    process.kill(first.enginePid(), "SIGKILL");
    return Promise.resolve();
  },
  async gateway() {
    const dead = first;
    const enginePid = dead.enginePid();
    first = await startReplica(cluster.kubeconfig, HOME);
    // Its engine too, so that nobody is left to say how it ended.
    process.kill(enginePid, "SIGKILL");
    await dead.kill();
  },
  "kube-apiserver": () => cluster.components["kube-apiserver"].restart("SIGKILL"),
  etcd: () => cluster.components.etcd.restart("SIGKILL"),
};

for (const [name, kill] of Object.entries(KILLS)) {
  test(`kill -9 of the ${name} in each phase of each verb`, { timeout: 300_000 }, async () => {
    const round = name.slice(0, 6);
    await open("always", true);
    const bystander = `bystander-${round}`;
    await send("POST", RELEASES, { name: bystander, chart: { path: chart } }, "wait=60");
    const secret = `/api/v1/namespaces/default/secrets/sh.helm.release.v1.${bystander}.v1`;
    const untouched = await kube.request<{ metadata: { resourceVersion: string } }>({ path: secret });
    await Promise.all(PLACES.map((place) => prepare(place, round)));
    await open("always", false);
    const held = await Promise.all(PLACES.map((place) => begin(place, round)));
    for (const one of held) await untilHeld(one);
    await kill();
    await open(round, true);
    await open("always", true);
    for (const one of held) await check(one);
    const after = await kube.request<{ metadata: { resourceVersion: string } }>({ path: secret });
    assert.equal(after.metadata.resourceVersion, untouched.metadata.resourceVersion);
    await open(round, false);
  });
}
