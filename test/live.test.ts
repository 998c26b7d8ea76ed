import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { callCli } from "./support/cli.ts";
import { readEvents } from "./support/events.ts";
import type { ServerEvent } from "./support/events.ts";
import { eventually } from "./support/exposures.ts";

/*
 * What of a release runs: its tree, its events, its logs, on the simulated
 * pods of the shared cluster. What real containers print: test/real-node-live.test.ts.
 */

interface Node {
  readonly object: {
    readonly api_version: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  };
  readonly uid: string;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly status: string;
  readonly reason: string;
  readonly pod?: {
    readonly phase: string;
    readonly ready_containers: number;
    readonly total_containers: number;
    readonly node: string;
    readonly containers: readonly { readonly name: string; readonly state: string; readonly init?: boolean }[];
  };
}

interface Tree {
  readonly release: { readonly name: string; readonly revision: number };
  readonly ready: boolean;
  readonly nodes: readonly Node[];
  readonly truncated: boolean;
  readonly unread: readonly string[];
}

const CONTAINERS = `
        - { name: main, image: example.com/main:1 }
        - { name: side, image: example.com/side:1 }`;

/** One object of each kind that ends in pods, and two that do not. */
const APP = `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { color: {{ .Values.color | default "red" }} }
---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: very-secret-word }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas | default 2 }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers:${CONTAINERS}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: {{ .Release.Name }}-set }
spec:
  serviceName: none
  selector: { matchLabels: { app: {{ .Release.Name }}-set } }
  template:
    metadata: { labels: { app: {{ .Release.Name }}-set } }
    spec:
      containers:${CONTAINERS}
---
apiVersion: batch/v1
kind: Job
metadata: { name: {{ .Release.Name }}-job }
spec:
  template:
    spec:
      restartPolicy: Never
      containers:${CONTAINERS}
`;

let berth: TestBerth;
let chart: string;

before(async () => {
  berth = await startTestBerth();
  chart = await berth.charts.write("live", { "templates/app.yaml": APP });
  succeeded(await install("web"));
});
after(() => berth[Symbol.asyncDispose]());

function install(name: string, values: object = {}) {
  return berth.request<OperationAnswer>("POST", berth.releases, { name, chart: { path: chart }, values });
}

async function treeOf(name: string): Promise<Tree> {
  const answer = await berth.request<Tree>("GET", `${berth.releases}/${name}:tree`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

const called = ({ object }: Node) => `${object.kind}/${object.name}`;
const pods = (nodes: readonly Node[]) => nodes.filter(({ object }) => object.kind === "Pod");

async function watches(): Promise<number> {
  const text = await (await fetch(`${berth.url}/metrics`)).text();
  return Number(/^berth_live_watches (\d+)$/m.exec(text)?.[1]);
}

test("the tree goes from the manifest's objects down to pods", async () => {
  const tree = await eventually("a ready tree", async () => {
    const found = await treeOf("web");
    return found.ready && pods(found.nodes).length >= 4 ? found : undefined;
  });
  assert.deepEqual([tree.release.name, tree.truncated, tree.unread], ["web", false, []]);
  const roots = tree.nodes.filter(({ owner }) => owner === undefined);
  assert.deepEqual(roots.map(called).sort(), [
    "ConfigMap/web",
    "Deployment/web",
    "Job/web-job",
    "Secret/web",
    "StatefulSet/web-set",
  ]);
  for (const root of roots) assert.deepEqual([root.status, root.uid !== ""], ["Current", true], called(root));
  const chains = pods(tree.nodes).map((pod) => {
    const kinds: string[] = [];
    for (let node: Node | undefined = pod; node !== undefined;) {
      kinds.unshift(node.object.kind);
      const { owner }: Node = node;
      node = tree.nodes.find((one) => one.object.kind === owner?.kind && one.object.name === owner.name);
    }
    return kinds.join(" ");
  });
  const chain = "Deployment ReplicaSet Pod";
  assert.deepEqual(chains.sort(), [chain, chain, "Job Pod", "StatefulSet Pod"]);
  const pod = pods(tree.nodes).find(({ object }) => object.name === "web-set-0")?.pod;
  assert.deepEqual([pod?.phase, pod?.ready_containers, pod?.total_containers], ["Running", 2, 2]);
  assert.deepEqual(
    pod?.containers.map(({ name, state }) => `${name} ${state}`),
    ["main running", "side running"],
  );
  assert.notEqual(pod?.node, "");
  assert.ok(!JSON.stringify(tree).includes("very-secret-word"));
});

test("a watch tells what there is and what becomes of it; its watches end after the last reader", async () => {
  succeeded(await install("moving", { replicas: 1 }));
  await eventually("no watch is open", async () => ((await watches()) === 0 ? true : undefined), 20_000);
  const nodes = new Map<string, Node>();
  const told: ServerEvent[] = [];
  const ending = new AbortController();
  const reading = follow(`${berth.releases}/moving:watchTree`, ending.signal, (news) => {
    told.push(news);
    const node = news.data["node"] as Node | undefined;
    if (node === undefined) return;
    if (news.event === "deleted") nodes.delete(called(node));
    else nodes.set(called(node), node);
  });
  const running = () => pods([...nodes.values()]).filter(({ status }) => status === "Current").length;
  await eventually("it is told", () => (told.some(({ event }) => event === "synced") && running() >= 3) || undefined);
  assert.ok((await watches()) >= 5, "pods, ReplicaSets, Deployments, StatefulSets, Jobs are watched");
  const body = { chart: { path: chart }, values: { replicas: 3, color: "blue" } };
  succeeded(await berth.request<OperationAnswer>("PUT", `${berth.releases}/moving`, body));
  await eventually("new pods are told", () => running() >= 5 || undefined);
  await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${berth.namespace}/configmaps/moving` });
  await eventually("what is gone is told", () => nodes.get("ConfigMap/moving")?.status === "NotFound" || undefined);
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/moving`));
  await reading;
  assert.equal(nodes.size, 0, "all is told to be gone with the release");
  assert.deepEqual([told.at(-1)?.event, told.at(-1)?.data["code"]], ["error", "RELEASE_NOT_FOUND"]);
  await eventually("the watches end", async () => ((await watches()) === 0 ? true : undefined), 20_000);
});

test("a reader that leaves ends the watches, and one of two does not", async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const readings = [one, two].map(({ signal }) => follow(`${berth.releases}/web:watchTree`, signal, () => undefined));
  await eventually("watches are open", async () => ((await watches()) > 0 ? true : undefined));
  one.abort();
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  assert.ok((await watches()) > 0, "somebody still looks");
  two.abort();
  await Promise.all(readings);
  await eventually("no watch is open", async () => ((await watches()) === 0 ? true : undefined), 20_000);
});

test("events on the release's objects and on what they own are listed and watched, no others", async () => {
  const { nodes } = await treeOf("web");
  const pod = pods(nodes)[0];
  assert.ok(pod !== undefined);
  const made = (name: string, involvedObject: object, message: string) =>
    berth.kube.request({
      ...{ method: "POST", path: `/api/v1/namespaces/${berth.namespace}/events` },
      body: {
        ...{ apiVersion: "v1", kind: "Event", metadata: { name }, involvedObject, message, reason: "Said" },
        ...{ type: "Warning", count: 3, source: { component: "test" }, lastTimestamp: "2099-01-01T00:00:00Z" },
      },
    });
  const on = { apiVersion: "v1", kind: "Pod", namespace: berth.namespace };
  await made("of-ours", { ...on, name: pod.object.name, uid: pod.uid }, "hello");
  await made("of-another", { ...on, name: "stranger" }, "no");
  const path = `${berth.releases}/web/events`;
  const { body } = await berth.request<{ events: ReleaseEvent[]; total_size: number }>("GET", path);
  const [newest] = body.events;
  assert.deepEqual(
    [newest?.name, newest?.object.name, newest?.message, newest?.count, newest?.type, newest?.source],
    ["of-ours", pod.object.name, "hello", 3, "Warning", "test"],
  );
  assert.ok(body.events.every(({ name }) => name !== "of-another"));
  assert.ok(body.events.some(({ object, reason }) => object.kind === "ReplicaSet" && reason === "SuccessfulCreate"));
  const short = await berth.request<{ events: unknown[]; total_size: number }>("GET", `${path}?max=1`);
  assert.deepEqual([short.body.events.length, short.body.total_size], [1, body.total_size]);

  const names: string[] = [];
  const ending = new AbortController();
  const reading = follow(`${path}:watch`, ending.signal, ({ event, data }) => {
    names.push(`${event} ${(data["event"] as ReleaseEvent | undefined)?.name ?? ""}`);
  });
  await eventually("it is told", () => names.includes("synced ") || undefined);
  assert.ok(names.includes("added of-ours"));
  await made("later", { ...on, name: pod.object.name, uid: pod.uid }, "later");
  await eventually("news are told", () => names.includes("added later") || undefined);
  ending.abort();
  await reading;
});

interface ReleaseEvent {
  readonly name: string;
  readonly object: { readonly kind: string; readonly name: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly source: string;
}

test("logs are those of the release's pods and their containers alone", async () => {
  const log = `${berth.releases}/web/pods/web-set-0:logs`;
  const lines: string[] = [];
  for await (const { event, data } of readEvents(`${berth.url}${log}?container=side&tail_lines=5`)) {
    if (event === "lines") lines.push(...(data["lines"] as { text: string }[]).map(({ text }) => text));
    if (event === "opened") assert.deepEqual([data["pod"], data["container"]], ["web-set-0", "side"]);
  }
  assert.match(lines.join("\n"), /simulated/);
  succeeded(await install("other"));
  await eventually("the other's pod", async () => pods((await treeOf("other")).nodes).length >= 4 || undefined);
  refused(await berth.request("GET", `${berth.releases}/web/pods/other-set-0:logs`), 404, "POD_NOT_FOUND", "pod");
  refused(await berth.request("GET", `${berth.releases}/web/pods/none:logs`), 404, "POD_NOT_FOUND", "pod");
  refused(await berth.request("GET", `${berth.releases}/none/pods/web-set-0:logs`), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("GET", `${log}?container=none`), 400, "INVALID_ARGUMENT", "container");
  refused(
    await berth.request("GET", `${log}?since=5s&since_time=2026-01-01T00:00:00Z`),
    400,
    "INVALID_ARGUMENT",
    "since_time",
  );
  refused(await berth.request("GET", `${log}?tail_lines=-1`), 400, "INVALID_ARGUMENT", "tail_lines");
  refused(await berth.request("GET", `${berth.releases}/none:tree`), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("GET", `${berth.releases}/none:watchTree`), 404, "RELEASE_NOT_FOUND");
});

/** An operator's object, and a workload in another namespace. */
const SPREAD = `apiVersion: berth.dev/v1alpha1
kind: Exposure
metadata: { name: {{ .Release.Name }} }
spec: { service: { name: nothing, port: "80" }, pool: none }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: {{ .Release.Name }}, namespace: {{ .Values.other }} }
spec:
  serviceName: none
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      containers:${CONTAINERS}
`;

test("what an operator's object owns is shown, and what stands in another namespace", async () => {
  const other = `${berth.namespace}-other`;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: other } };
  await berth.kube.request({ method: "POST", path: "/api/v1/namespaces", body });
  const path = await berth.charts.write("spread", { "templates/all.yaml": SPREAD });
  const values = { other };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "wide", chart: { path }, values }));
  const exposure = await berth.object<{ metadata: { uid: string } }>(
    "apis/berth.dev/v1alpha1/namespaces/{ns}/exposures/wide",
  );
  const uid = exposure?.metadata.uid ?? "";
  const ownerReferences = [{ apiVersion: "berth.dev/v1alpha1", kind: "Exposure", name: "wide", uid }];
  const labels = { app: "made" };
  await berth.kube.request({
    ...{ method: "POST", path: `/apis/apps/v1/namespaces/${berth.namespace}/statefulsets` },
    body: {
      ...{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "made", ownerReferences } },
      spec: {
        ...{ serviceName: "none", selector: { matchLabels: labels } },
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "example.com/main:1" }] } },
      },
    },
  });
  const tree = await eventually("both pods", async () => {
    const found = await treeOf("wide");
    return pods(found.nodes).length === 2 ? found : undefined;
  });
  assert.deepEqual(tree.nodes.map((node) => `${called(node)} of ${node.owner?.kind ?? "the manifest"}`).sort(), [
    "Exposure/wide of the manifest",
    "Pod/made-0 of StatefulSet",
    "Pod/wide-0 of StatefulSet",
    "StatefulSet/made of Exposure",
    "StatefulSet/wide of the manifest",
  ]);
  const log = `${berth.releases}/wide/pods/wide-0:logs`;
  refused(await berth.request("GET", log), 404, "POD_NOT_FOUND", "pod");
  const events: string[] = [];
  for await (const { event } of readEvents(`${berth.url}${log}?pod_namespace=${other}`)) events.push(event);
  assert.deepEqual(events.slice(0, 2), ["opened", "lines"]);
  await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${other}` });
});

test("the command line shows tree, events and logs", async () => {
  const run = (...args: string[]) => callCli(berth, [...args, "-n", berth.namespace]);
  const tree = await run("tree", "web");
  assert.match(tree.stdout, /^Deployment\/web +Current/m);
  assert.match(tree.stdout, /^└─ReplicaSet\/web-\w+ +Current/m);
  assert.match(tree.stdout, /^\s+├─Pod\/web-\S+ +Current +2\/2 +0/m);
  assert.match((await run("events", "web")).stdout, /SuccessfulCreate/);
  const logs = await run("logs", "web", "--tail", "1", "-c", "main");
  assert.match(logs.stdout, /^\[web-set-0\/main\] .*simulated/m);
  assert.equal(logs.stdout.split("\n").filter((line) => line.startsWith("[")).length, 4);
  const one = await run("logs", "web", "web-set-0", "--timestamps");
  assert.match(one.stdout, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z .*simulated/m);
  assert.equal((await run("logs", "web", "none")).code, 3);
});

/** Hears a stream of events until it ends or the signal aborts. */
async function follow(path: string, signal: AbortSignal, hear: (news: ServerEvent) => void): Promise<void> {
  try {
    for await (const news of readEvents(berth.url + path, {}, signal)) hear(news);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
