import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { operationService, releaseService } from "@berth/contract";
import {
  ensureRealNode,
  nodeImages,
  ownTestCluster,
  repository,
  silentProgress,
  whyNoRealNode,
} from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";
import { Code, ConnectError, createClient } from "@connectrpc/connect";

import { buildBerthImage } from "../tools/image/build.ts";
import { CHARTS_SERVER, callerScript } from "./support/caller.ts";
import type { Called } from "./support/caller.ts";
import { makeChartDirectory } from "./support/charts.ts";
import { helm } from "./support/helm.ts";
import { isReady, killProgram, logOf, nodePod, until } from "./support/pods.ts";
import type { Pod } from "./support/pods.ts";
import { openServiceProxy } from "./support/service-proxy.ts";
import type { ServiceProxy } from "./support/service-proxy.ts";

const skip = whyNoRealNode()?.message ?? false;
const CHART = join(repository, "charts/berth");
const HOME = "berth-system";
const WORK = "default";
const REPOSITORY = "registry.local/berth";
const TAGS = ["0.1.0", "next"] as const;
const IMAGE = `${REPOSITORY}:${TAGS[0]}`;
const URL = `http://berth.${HOME}.svc.cluster.local:4000`;
const RELEASES = ["a", "b", "c", "d"];
/** All of the pods' network but its first address, the node's own: with that, the API server calls pods. */
const PODS = [1, 2, 3, 4, 5, 6, 7].map((bits) => `10.244.255.${String(1 << bits)}/${String(32 - bits)}`);
const VALUES = [`image.repository=${REPOSITORY}`, `unauthenticated.from={${PODS.join(",")}}`];

/** An application that is ready after two seconds: its operations are under way for as long. */
const APP = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}" }
spec:
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  strategy: { type: Recreate }
  template:
    metadata:
      labels: { app: "{{ .Release.Name }}" }
      annotations: { round: "{{ .Values.round }}" }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: ${nodeImages.agnhost}
          args: [netexec, --http-port=8080]
          readinessProbe: { httpGet: { path: /healthz, port: 8080 }, initialDelaySeconds: 2, periodSeconds: 1 }
`;

/** An operation as it is stored. */
interface StoredOperation extends KubeObject {
  readonly spec: { readonly request: { readonly verb: string; readonly target: { readonly name: string } } };
  readonly status?: {
    readonly state?: string;
    readonly startTime?: string;
    readonly endTime?: string;
    readonly replica?: string;
    readonly error?: object;
  };
}

let cluster: DevCluster;
let kube: KubeClient;
let directory: string;
let untouched: readonly string[];

before(async () => {
  if (skip !== false) return;
  cluster = await ownTestCluster({ real: await ensureRealNode() });
  kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  directory = await mkdtemp(join(tmpdir(), "berth-in-cluster-"));
  const engine = process.env.BERTH_ENGINE;
  for (const version of TAGS) {
    const file = join(directory, `${version}.tar`);
    await buildBerthImage({ name: `${REPOSITORY}:${version}`, file, version, engine, progress: silentProgress });
    await cluster.node?.importImage(file);
    await rm(file);
  }
  untouched = await clusterObjects();
  await helm(
    cluster.kubeconfig,
    ...inHome("install", "berth", CHART, "--create-namespace", "--wait", ...sets(...VALUES)),
  );
});
after(async () => {
  if (skip !== false) return;
  await kube.close();
  await cluster.stop();
  await rm(directory, { recursive: true });
});

const sets = (...values: readonly string[]) => values.flatMap((value) => ["--set", value]);
const inHome = (...args: readonly string[]) => [...args, "-n", HOME, "--timeout", "120s"];

async function list<T extends KubeObject>(path: string): Promise<readonly T[]> {
  return (await kube.request<{ items: T[] }>({ path })).items;
}

/** What of the whole cluster a release could leave behind. */
async function clusterObjects(): Promise<string[]> {
  const kinds = [
    ...["rbac.authorization.k8s.io/v1/clusterroles", "rbac.authorization.k8s.io/v1/clusterrolebindings"],
    "admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "apiextensions.k8s.io/v1/customresourcedefinitions",
  ];
  const lists = await Promise.all(
    kinds.map(async (kind) => (await list(`/apis/${kind}`)).map(({ metadata }) => `${kind} ${metadata.name}`)),
  );
  return lists.flat().sort();
}

const operations = () => list<StoredOperation>(`/apis/berth.dev/v1alpha1/namespaces/${HOME}/operations`);
const berthPods = () => list<Pod>(`/api/v1/namespaces/${HOME}/pods?labelSelector=app.kubernetes.io%2Fname%3Dberth`);
const isForbidden = (error: { details: { status?: string } }) => error.details.status === "403";

async function create(kind: string, body: object): Promise<void> {
  await kube.request({ method: "POST", path: `/api/v1/namespaces/${WORK}/${kind}`, body });
}

async function packedChart(): Promise<Buffer> {
  await using charts = await makeChartDirectory();
  const chart = await charts.write("app", { "templates/app.yaml": APP });
  await helm(cluster.kubeconfig, "package", chart, "-d", charts.path);
  return await readFile(join(charts.path, "app-1.0.0.tgz"));
}

/** Serves the chart in the cluster; gives its file's name. */
async function serveChart(): Promise<string> {
  const archive = await packedChart();
  await create("configmaps", {
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "charts" } },
    binaryData: { "app-1.0.0.tgz": archive.toString("base64") },
  });
  const volumes = [{ name: "charts", configMap: { name: "charts" } }];
  const volumeMounts = [{ name: "charts", mountPath: "/charts" }];
  const readinessProbe = { httpGet: { path: "/goes-on", port: 8080 }, periodSeconds: 1 };
  await create("pods", nodePod(IMAGE, "charts", CHARTS_SERVER, { volumes, volumeMounts, readinessProbe }));
  await create("services", {
    ...{ apiVersion: "v1", kind: "Service", metadata: { name: "charts" } },
    spec: { selector: { app: "charts" }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  return "app-1.0.0.tgz";
}

test("Berth's release is tested by Helm", { skip }, async () => {
  const said = await helm(cluster.kubeconfig, ...inHome("test", "berth"));
  assert.match(said, /Phase:\s+Succeeded/);
});

test("a cluster that is declared as the pod's own is reached as its ServiceAccount", { skip }, async () => {
  const path = "/apis/berth.dev/v1alpha1/clusters";
  const body = {
    apiVersion: "berth.dev/v1alpha1",
    kind: "Cluster",
    metadata: { name: "itself" },
    spec: { inCluster: true },
  };
  await kube.request({ method: "POST", path, body });
  interface Declared {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }
  await until("it is ready", async () => {
    const { status } = await kube.request<Declared>({ path: `${path}/itself` });
    return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
  });
  await kube.request({ method: "DELETE", path: `${path}/itself` });
});

test("who is of no network that is named is refused; health is told to anybody", { skip }, async () => {
  const proxy = `/api/v1/namespaces/${HOME}/services/berth:http/proxy`;
  assert.deepEqual(await kube.request({ path: `${proxy}/livez` }), { status: "ok" });
  await assert.rejects(kube.request({ path: `${proxy}/v1/operations` }), isForbidden);
});

test("nobody but Berth makes operations, whatever rights he has", { skip }, async () => {
  const body = {
    ...{ apiVersion: "berth.dev/v1alpha1", kind: "Operation", metadata: { name: "op-mine" } },
    spec: {
      request: {
        ...{ version: 1, verb: "install", target: { cluster: "local", namespace: WORK, name: "mine" } },
        ...{ principal: { name: "me", source: "loopback" }, payload: "none", createTime: new Date().toISOString() },
      },
    },
  };
  const path = `/apis/berth.dev/v1alpha1/namespaces/${HOME}/operations`;
  await assert.rejects(kube.request({ method: "POST", path, body }), /Operations are made by Berth alone/);
});

test(
  "calls from a pod are each done once, while a replica is killed and Berth itself is upgraded",
  { skip, timeout: 400_000 },
  async (t) => {
    let isPassed = false;
    t.after(async () => {
      if (!isPassed) t.diagnostic(await logOf(kube, WORK, "caller"));
    });
    const chart = await serveChart();
    const script = callerScript({ url: URL, charts: `http://charts.${WORK}`, chart, releases: RELEASES });
    await until("the server of charts", async () =>
      (await list<Pod>(`/api/v1/namespaces/${WORK}/pods`)).every(isReady),
    );
    await create("pods", nodePod(IMAGE, "caller", script));
    const done = async () => (await operations()).filter(({ status }) => status?.state === "succeeded").length;
    await until("the first upgrades", async () => (await done()) > RELEASES.length);

    await killProgram(await busiestPod(), "/berth/main.mjs");
    const killedAt = await done();
    await until("work goes on after the kill", async () => (await done()) > killedAt + RELEASES.length, 120_000);

    const running = (await operations()).filter(({ status }) => status?.endTime === undefined).length;
    assert.ok(running > 0, "operations are under way");
    await helm(
      cluster.kubeconfig,
      ...inHome(
        "upgrade",
        "berth",
        await nextChart(),
        "--wait",
        "--reuse-values",
        ...sets(`image.tag=${TAGS[1]}`, "logLevel=debug"),
      ),
    );
    const upgradedAt = await done();
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/operations.berth.dev";
    assert.match(JSON.stringify(await kube.request({ path })), /"name":"Since"/, "the chart upgrades CRDs");
    await until("work goes on after the upgrade", async () => (await done()) > upgradedAt + RELEASES.length, 120_000);
    const pods = (await berthPods()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    assert.deepEqual(new Set(pods.map(({ spec }) => spec.containers[0].image)), new Set([`${REPOSITORY}:${TAGS[1]}`]));
    assert.ok(pods.every(({ status }) => status.containerStatuses?.every(({ restartCount }) => restartCount === 0)));

    await kube.request({ path: `/api/v1/namespaces/${WORK}/services/charts/proxy/end` }).catch(() => undefined);
    const caller = async () =>
      (await list<Pod>(`/api/v1/namespaces/${WORK}/pods`)).find(({ metadata }) => metadata.name === "caller");
    await until("the caller's end", async () => /Succeeded|Failed/.test((await caller())?.status.phase ?? ""), 120_000);
    await judge(await logOf(kube, WORK, "caller"));
    isPassed = true;
  },
);

/** The chart with a CRD that has changed. */
async function nextChart(): Promise<string> {
  const chart = join(directory, "berth");
  await cp(CHART, chart, { recursive: true });
  const file = join(chart, "files/crds/operations.berth.dev.yaml");
  await writeFile(file, (await readFile(file, "utf8")).replace("name: Age", "name: Since"));
  return chart;
}

/** The replica that has taken the most calls: some of the caller's connections lead to it. */
async function busiestPod(): Promise<Pod> {
  const counted = (await berthPods()).map(async (pod) => {
    const lines = (await logOf(kube, HOME, pod.metadata.name)).split("\n");
    return { pod, calls: lines.filter((line) => line.includes('"verb":"')).length };
  });
  const [busiest] = (await Promise.all(counted)).sort((a, b) => b.calls - a.calls);
  assert.ok(busiest !== undefined && busiest.calls > 0);
  return busiest.pod;
}

/** All calls succeeded, and each is one operation that was done once, in the order asked. */
async function judge(log: string): Promise<void> {
  const calls = log.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Called] : []));
  const failed = calls.filter(({ answer }) => answer.status !== "success");
  assert.deepEqual(failed, [], log);
  const all = await operations();
  assert.equal(all.length, calls.length, log);
  for (const { status, ...operation } of all)
    assert.equal(status?.state, "succeeded", JSON.stringify({ status, operation }));
  for (const release of RELEASES) {
    const own = all.filter(({ spec }) => spec.request.target.name === release);
    const inOrder = own.sort((a, b) => (a.status?.endTime ?? "").localeCompare(b.status?.endTime ?? ""));
    const verbs = inOrder.map(({ spec }) => spec.request.verb);
    assert.deepEqual(verbs, ["install", ...own.slice(2).map(() => "upgrade"), "uninstall"], release);
  }
  const again = calls.filter(({ sent }) => sent > 1).length;
  assert.ok(again > 0 && again <= RELEASES.length, `the kill breaks calls, the upgrade does not: ${String(again)}`);
  assert.deepEqual(await list(`/api/v1/namespaces/${WORK}/secrets`), [], "deleted with their history");
}

test(
  "through the API server's proxy come REST, events, Connect and Swift's API, for whoever may use it",
  { skip, timeout: 200_000 },
  async () => {
    // The API server calls pods from the node's own address.
    const wanted = ["unauthenticated.from={10.244.0.0/16}", "service.clusterService=true", "service.swiftPort=9855"];
    await helm(
      cluster.kubeconfig,
      ...inHome("upgrade", "berth", await nextChart(), "--wait", "--reuse-values", ...sets(...wanted)),
    );
    const service = await kube.request<KubeObject>({ path: `/api/v1/namespaces/${HOME}/services/berth` });
    assert.equal(service.metadata.labels?.["kubernetes.io/cluster-service"], "true");
    const proxy = await openServiceProxy(cluster.kubeconfig, HOME, "berth:http");
    const releases = `/v1/clusters/local/namespaces/${WORK}/releases`;

    const events = await proxy.events(
      `${releases}?name=by-proxy&options.wait=true`,
      await packedChart(),
      "application/gzip",
    );
    assert.deepEqual([events[0]?.name, events.at(-1)?.name], ["operation", "operation"]);
    const [first, last] = [events[0]?.ms ?? 0, events.at(-1)?.ms ?? 0];
    assert.ok(last - first > 1_000, `events come as they happen, not together: ${JSON.stringify(events)}`);
    await assertAnswer(proxy, `GET ${releases}/by-proxy`, 200, { status: "deployed" });
    await assertAnswer(proxy, `GET ${releases}/none`, 404, { code: "RELEASE_NOT_FOUND" });

    const target = { cluster: "local", namespace: WORK, name: "by-proxy" };
    const client = createClient(releaseService.ReleaseService, proxy.transport);
    assert.equal((await client.getRelease(target)).revision, 1);
    const refused = await client.getRelease({ ...target, name: "none" }).catch((error: unknown) => error);
    assert.equal(ConnectError.from(refused).code, Code.NotFound);
    const { operations: done } = await createClient(operationService.OperationService, proxy.transport).listOperations({
      ...{ namespace: WORK, release: "by-proxy" },
    });
    const follow = createClient(operationService.OperationService, proxy.transport).watchOperation({
      id: done[0]?.id ?? "",
    });
    const news: unknown[] = [];
    for await (const { news: told } of follow) news.push(told.case);
    const isEvent = (name: unknown) => name !== "operation";
    assert.deepEqual(news.filter(isEvent), events.map(({ name }) => name).filter(isEvent));

    const swift = await openServiceProxy(cluster.kubeconfig, HOME, "berth:swift");
    const old = "/tiller/v2/releases";
    for (const way of [proxy, swift])
      await assertAnswer(way, `GET ${old}/by-proxy/status/json`, 200, { name: "by-proxy" });
    // As curl sends it: `-d` makes every body a form's.
    const bad = await swift.send(
      "POST",
      `${old}/other/json`,
      '{"chart_url": "none"}',
      "application/x-www-form-urlencoded",
    );
    assert.deepEqual([bad.status, (bad.body as { code: number }).code], [400, 3]);
    await assertAnswer(swift, `DELETE ${old}/by-proxy/json?purge=true`, 200, {});
    await assertAnswer(proxy, `GET ${releases}/by-proxy`, 404, { code: "RELEASE_NOT_FOUND" });
  },
);

async function assertAnswer(proxy: ServiceProxy, asked: string, status: number, fields: object): Promise<void> {
  const [method = "", path = ""] = asked.split(" ");
  const answer = await proxy.send(method, path);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.partialDeepStrictEqual(answer.body, fields);
}

test("uninstalled, Berth leaves its CRDs, and in its namespace what it has stored", { skip }, async () => {
  await helm(cluster.kubeconfig, ...inHome("uninstall", "berth", "--wait"));
  const left = (await clusterObjects()).filter((one) => !untouched.includes(one));
  const definitions = "apiextensions.k8s.io/v1/customresourcedefinitions";
  const kinds = ["addresses", "addresspools", "chartsources", "clusters", "exposures", "operations", "portclaims"];
  assert.deepEqual(
    left,
    kinds.map((kind) => `${definitions} ${kind}.berth.dev`),
  );
  await until("its pods' end", async () => (await berthPods()).length === 0);
  const core = ["services", "serviceaccounts", "configmaps"].map((kind) => `/api/v1/namespaces/${HOME}/${kind}`);
  const query = "?labelSelector=app.kubernetes.io%2Finstance%3Dberth";
  for (const path of [...core, `/apis/apps/v1/namespaces/${HOME}/deployments`])
    assert.deepEqual(await list(path + query), []);

  await helm(cluster.kubeconfig, ...inHome("install", "berth", CHART, "--wait", ...sets(...VALUES)));
  assert.ok((await operations()).length > 0, "what was stored is there again");
  await helm(cluster.kubeconfig, ...inHome("uninstall", "berth", "--wait"));
  await kube.request({ method: "DELETE", path: `/api/v1/namespaces/${HOME}` });
  const namespaces = () => list("/api/v1/namespaces");
  await until("the end of its namespace", async () =>
    (await namespaces()).every(({ metadata }) => metadata.name !== HOME),
  );
});
