import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ensureRealNode, nodeImages, ownTestCluster, whyNoRealNode } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { callCli } from "./support/cli.ts";
import { readEvents } from "./support/events.ts";
import { until } from "./support/pods.ts";

/*
 * What real containers print, and what the kubelet says of those that fail.
 */

const skip = whyNoRealNode()?.message ?? false;

/** A pod that counts a line each 200 ms, one that fails again and again, and one whose image is nowhere. */
const APP = `{{- define "pod" }}
apiVersion: v1
kind: Pod
metadata: { name: {{ .name }} }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: {{ .image | default "${nodeImages.agnhost}" | quote }}
      args: {{ .args | toJson }}
{{- end }}
{{- template "pod" dict "name" "talks" "args" (list "logs-generator" "--log-lines-total=1000" "--run-duration=200s") }}
---
{{- template "pod" dict "name" "crashes" "args" (list "no-such-command") }}
---
{{- template "pod" dict "name" "no-image" "args" (list "pause") "image" "registry.local/nothing:1" }}
---
{{- template "pod" dict "name" "silent" "args" (list "pause") }}
`;

let cluster: DevCluster;
let berth: TestBerth;

before(async () => {
  if (skip !== false) return;
  cluster = await ownTestCluster({ real: await ensureRealNode() });
  berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
  const chart = await berth.charts.write("talking", { "templates/app.yaml": APP });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "it", chart: { path: chart } }));
});
after(async () => {
  if (skip !== false) return;
  await berth[Symbol.asyncDispose]();
  await cluster.stop();
});

interface Container {
  readonly state: string;
  readonly reason: string;
  readonly restarts: number;
  readonly last_reason: string;
  readonly last_exit_code: number;
}

interface Node {
  readonly object: { readonly name: string };
  readonly status: string;
  readonly reason: string;
  readonly pod?: { readonly containers: readonly Container[] };
}

async function podOf(name: string): Promise<{ readonly node: Node; readonly container: Container } | undefined> {
  const { body } = await berth.request<{ nodes: Node[] }>("GET", `${berth.releases}/it:tree`);
  const node = body.nodes.find(({ object }) => object.name === name);
  const container = node?.pod?.containers[0];
  return node === undefined || container === undefined ? undefined : { node, container };
}

const logOf = (pod: string) => `${berth.releases}/it/pods/${pod}:logs`;

interface Line {
  readonly text: string;
  readonly time?: string;
}

/** The lines of a log, until it ends or there are enough. */
async function linesOf(path: string, enough = Infinity): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const { event, data } of readEvents(berth.url + path)) {
    assert.notEqual(event, "error", JSON.stringify(data));
    if (event === "lines") lines.push(...(data["lines"] as Line[]));
    if (lines.length >= enough) break;
  }
  return lines;
}

/** Streams of logs that the API server has open. */
async function openLogs(): Promise<number> {
  let text = "";
  for await (const chunk of await berth.kube.stream({ path: "/metrics" })) text += chunk.toString();
  const gauges = text.matchAll(/^apiserver_longrunning_requests\{.*subresource="log".*\} (\d+)$/gm);
  return [...gauges].reduce((sum, [, count]) => sum + Number(count), 0);
}

test("a log is read, its tail, and what was printed since; followed, it goes on", { skip }, async () => {
  await until("it talks", async () => (await podOf("talks"))?.container.state === "running");
  await until("it has said much", async () => (await linesOf(logOf("talks"))).length > 30);
  const tail = await linesOf(`${logOf("talks")}?tail_lines=3&timestamps=true`);
  assert.equal(tail.length, 3);
  for (const { time } of tail) assert.ok(Date.now() - Date.parse(time ?? "") < 60_000, time);
  const [first] = tail;
  const since = await linesOf(`${logOf("talks")}?since_time=${first?.time?.replace(/\.\d+Z$/, "Z") ?? ""}`);
  const all = await linesOf(logOf("talks"));
  assert.ok(since.length >= 3 && since.length < all.length, `${String(since.length)} of ${String(all.length)}`);
  assert.ok((await linesOf(`${logOf("talks")}?since=1s`)).length < 10);
  const before = (await linesOf(logOf("talks"))).length;
  const followed = await linesOf(`${logOf("talks")}?follow=true`, before + 20);
  assert.ok(followed.length >= before + 20, "what is printed later comes, too");
});

test("a silent container is followed, and whoever leaves ends the API server's stream", { skip }, async () => {
  await until("it runs", async () => (await podOf("silent"))?.container.state === "running");
  const ending = new AbortController();
  const events = readEvents(`${berth.url}${logOf("silent")}?follow=true`, {}, ending.signal);
  const first = await events.next();
  assert.ok(first.done !== true && first.value.event === "opened");
  const next = events.next().catch(() => undefined);
  await until("it is open", async () => (await openLogs()) > 0);
  ending.abort();
  await next;
  await until("it is closed", async () => (await openLogs()) === 0);
});

test("the log of a run before is read where there was one", { skip }, async () => {
  const crashedTwice = async () => {
    const pod = await podOf("crashes");
    return pod !== undefined && pod.container.restarts > 0 && pod.node.status === "Failed" ? pod : undefined;
  };
  // The kubelet waits longer before each start: half a minute on an idle machine, far more on a busy one.
  const found = await until("it has crashed twice", crashedTwice, 180_000);
  assert.match(found.node.reason, /CrashLoopBackOff/);
  assert.deepEqual([found.container.last_reason, found.container.last_exit_code], ["Error", 1]);
  const lines = await linesOf(`${logOf("crashes")}?previous=true`);
  assert.match(lines.map(({ text }) => text).join("\n"), /unknown command/);
  const none = refused(await berth.request("GET", `${logOf("talks")}?previous=true`), 422, "LOG_NOT_AVAILABLE");
  assert.match(none.reason ?? "", /previous terminated container/);
});

test("a container that cannot start says why, and has no log", { skip }, async () => {
  await until("its image is not found", async () => {
    const reason = (await podOf("no-image"))?.container.reason;
    return /ErrImagePull|ImagePullBackOff/.test(reason ?? "");
  });
  const error = refused(await berth.request("GET", logOf("no-image")), 422, "LOG_NOT_AVAILABLE");
  assert.match(error.reason ?? "", /waiting to start|image/);
  refused(await berth.request("GET", `${logOf("talks")}?container=other`), 400, "INVALID_ARGUMENT", "container");
  const { stdout } = await callCli(berth, ["events", "it", "-n", berth.namespace]);
  assert.match(stdout, /Warning +(Failed|BackOff) +Pod\/no-image/);
});

test("the command line prints the logs of all pods, and follows them until it is told to end", { skip }, async () => {
  const run = (words: string, onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void) =>
    callCli(berth, [...words.split(" "), "-n", berth.namespace], onOutput === undefined ? {} : { onOutput });
  const all = await run("logs it --tail 1");
  assert.equal(all.code, 0, all.stderr);
  assert.match(all.stdout, /^\[talks\/main\] \S/m);
  assert.match(all.stderr, /^warning: .*"no-image"/m);
  let printed = "";
  const followed = await run("logs it talks -f --tail 1", (text, kill) => {
    printed += text;
    if (printed.split("\n").length > 10) kill("SIGINT");
  });
  assert.equal(followed.code, 0, followed.stderr);
});

test("a log that is followed ends with its container", { skip }, async () => {
  const following = linesOf(`${logOf("talks")}?follow=true&tail_lines=1`);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${berth.namespace}/pods/talks` });
  assert.ok((await following).length > 0);
});
