import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { connectTo, openWire } from "../packages/kube/src/testing.ts";
import type { Wire } from "../packages/kube/src/testing.ts";
import { UNSETTLED, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { sendForEvents } from "./support/events.ts";
import { helmJson } from "./support/helm.ts";

/*
 * Gateway and engine reach the API server by a wire that is slow or is cut; the test itself goes another way, and so sees
 * what is true meanwhile.
 */

/** Milliseconds each way. */
const LATENCY = 200;
/** Milliseconds for which the wire is cut. */
const CUT = 4_000;
const DIRECT = process.env.BERTH_TEST_CLUSTER ?? "";

let wire: Wire;
let berth: TestBerth;
let direct: KubeClient;
let files: ChartDirectory;

before(async () => {
  const { server } = await loadKubeconfig(DIRECT);
  wire = await openWire(server);
  files = await makeChartDirectory();
  const kubeconfig = join(files.path, "kubeconfig");
  const text = await readFile(DIRECT, "utf8");
  await writeFile(kubeconfig, text.replace(server, `${wire.url}\n      tls-server-name: kubernetes`), { mode: 0o600 });
  direct = await connectTo(DIRECT);
  berth = await startTestBerth({ kubeconfig });
});
after(async () => {
  wire.mend();
  wire.delay(0);
  await berth[Symbol.asyncDispose]();
  await direct.close();
  await files[Symbol.asyncDispose]();
  await wire[Symbol.asyncDispose]();
});

/** Where it is gated, its pods go to no node before the gate is taken from them. */
const APP = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}-app" }
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  template:
    metadata: { labels: { app: "{{ .Release.Name }}" } }
    spec:
      {{- if .Values.gate }}
      schedulingGates: [{ name: berth.dev/test }]
      {{- end }}
      containers: [{ name: main, image: registry.local/app:1 }]
`;

/** Many objects, so that applying them takes a while. */
const MANY = `{{- range $i := until 150 }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ $.Release.Name }}-{{ $i }}" }
{{- end }}
`;

/** Breaks the wire for a while. */
async function cut(): Promise<void> {
  wire.cut();
  await new Promise((resolve) => setTimeout(resolve, CUT));
  wire.mend();
}

/** Lets the pods of a release go to a node. */
async function openGate(release: string): Promise<void> {
  const pods = `/api/v1/namespaces/${berth.namespace}/pods`;
  const { items } = await direct.request<{ items: { metadata: { name: string } }[] }>({
    path: pods,
    query: { labelSelector: `app=${release}` },
  });
  assert.notEqual(items.length, 0);
  for (const { metadata } of items) {
    await direct.request({
      ...{ method: "PATCH", path: `${pods}/${metadata.name}`, contentType: "application/merge-patch+json" },
      body: { spec: { schedulingGates: null } },
    });
  }
}

/** Waits until Helm's record of the release's first revision says `deployed`. */
async function untilDeployed(release: string): Promise<void> {
  const path = `/api/v1/namespaces/${berth.namespace}/secrets/sh.helm.release.v1.${release}.v1`;
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const { metadata } = await direct.request<{ metadata: { labels: Record<string, string> } }>({ path });
    if (metadata.labels.status === "deployed") return;
  }
  assert.fail(`${release} does not get deployed`);
}

/** Installs and does something at the first event that `at` says; gives the operation's ending. */
async function disturb(
  name: string,
  chart: string,
  at: (event: string, data: Record<string, unknown>) => boolean,
  act: () => Promise<void>,
): Promise<OperationAnswer> {
  const body = { name, chart: { path: chart }, values: { gate: true }, options: { wait: true, timeout: "30s" } };
  let acted: Promise<void> | undefined;
  let id = "";
  for await (const { event, data } of sendForEvents(berth.url + berth.releases, "POST", body)) {
    if (at(event, data)) acted ??= act();
    if (event === "operation") id = String(data.id);
  }
  assert.ok(acted, "it was disturbed");
  await acted;
  const { body: ended } = await berth.request<OperationAnswer>("GET", `/v1/operations/${id}?wait=60`);
  return ended;
}

/** What Berth says of an operation and what Helm has stored are one. */
async function isTrue(operation: OperationAnswer): Promise<void> {
  const note = JSON.stringify(operation);
  assert.equal(operation.done, true, note);
  const list = ["-n", berth.namespace, "history", operation.release] as const;
  const history = await helmJson<{ status: string }[]>(DIRECT, ...list).catch(() => []);
  const statuses = history.map(({ status }) => status);
  const deployed = statuses.filter((status) => status === "deployed").length;
  assert.equal(deployed, operation.state === "OPERATION_STATE_SUCCEEDED" ? 1 : 0, `${statuses.join()} ${note}`);
  assert.deepEqual(
    statuses.filter((status) => UNSETTLED.test(status)),
    [],
    note,
  );
  const open = await berth.request<{ operations: OperationAnswer[] }>(
    "GET",
    `/v1/operations?namespace=${berth.namespace}&release=${operation.release}`,
  );
  assert.deepEqual(
    open.body.operations.filter(({ done }) => !done),
    [],
  );
}

test("200 ms away in each direction, releases come, change and go", { timeout: 120_000 }, async () => {
  wire.delay(LATENCY);
  const chart = { path: await berth.charts.write("far", { "templates/a.yaml": APP, "templates/b.yaml": CONFIG_MAP }) };
  const options = { wait: true, timeout: "60s" };
  const { releases } = berth;
  const installed = await berth.request<OperationAnswer>("POST", releases, { name: "far", chart, options });
  await isTrue(succeeded(installed));
  const values = { replicas: 2, value: "new" };
  const upgraded = await berth.request<OperationAnswer>("PUT", `${releases}/far`, { chart, values, options });
  await isTrue(succeeded(upgraded));
  succeeded(await berth.request<OperationAnswer>("DELETE", `${releases}/far`));
  const left = await helmJson<unknown[]>(DIRECT, "-n", berth.namespace, "list");
  assert.deepEqual(left, []);
  wire.delay(0);
});

test("a wire cut in the middle of an apply makes no false ending", { timeout: 120_000 }, async () => {
  wire.delay(20);
  const chart = await berth.charts.write("many", { "templates/many.yaml": MANY });
  const operation = await disturb("many", chart, (event, data) => event === "applied" || Number(data.applied) > 0, cut);
  wire.delay(0);
  await isTrue(operation);
});

test("a wire cut in the middle of a wait: what gets ready meanwhile is found ready", { timeout: 120_000 }, async () => {
  const chart = await berth.charts.write("waits", { "templates/app.yaml": APP });
  const waiting = (_event: string, data: Record<string, unknown>) => data.phase === "waiting";
  const operation = await disturb("waits", chart, waiting, async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await Promise.all([cut(), openGate("waits")]);
  });
  await isTrue(operation);
  assert.equal(operation.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(operation));
});

test("a wire cut as the ending is written: its answer is lost, it is not", { timeout: 120_000 }, async () => {
  wire.delay(LATENCY);
  const chart = await berth.charts.write("ends", { "templates/app.yaml": APP });
  const waiting = (_event: string, data: Record<string, unknown>) => data.phase === "waiting";
  const operation = await disturb("ends", chart, waiting, async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await openGate("ends");
    await untilDeployed("ends");
    await cut();
  });
  wire.delay(0);
  await isTrue(operation);
  assert.equal(operation.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(operation));
});
