import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";

import { ensureRealNode, nodeImages, ownTestCluster, waitUntil, whyNoRealNode } from "@berth/devcluster";
import type { DevCluster, RealNode } from "@berth/devcluster";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { sendForEvents } from "./support/events.ts";

const skip = whyNoRealNode()?.message ?? false;

/** An application that answers HTTP, slow to start where a value says so, and ways for it to fail. */
const APP = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: {{ .Values.grace | default 1 }}
      containers:
        - name: main
          image: {{ .Values.image | default "${nodeImages.agnhost}" | quote }}
          args: {{ .Values.args | default (list "netexec" "--http-port=8080") | toJson }}
          resources:
            requests: { cpu: {{ .Values.cpu | default "10m" }} }
            limits: { memory: {{ .Values.memory | default "128Mi" }} }
          readinessProbe:
            httpGet: { path: /healthz, port: {{ .Values.probe | default 8080 }} }
            initialDelaySeconds: {{ .Values.delay | default 0 }}
            periodSeconds: 1
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: 80, targetPort: 8080 }]
`;

let cluster: DevCluster;
let berth: TestBerth;
let chart: string;

before(async () => {
  if (skip !== false) return;
  cluster = await ownTestCluster({ real: await ensureRealNode() });
  berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
  chart = await berth.charts.write("agnhost", { "templates/app.yaml": APP });
});
after(async () => {
  if (skip !== false) return;
  await berth[Symbol.asyncDispose]();
  await cluster.stop();
});

function install(name: string, values: Record<string, unknown>, timeout = "60s") {
  const body = { name, chart: { path: chart }, values, options: { wait: true, timeout } };
  return berth.request<OperationAnswer>("POST", berth.releases, body);
}

/** What the release's Service answers, asked once. */
async function ask(name: string, path: string): Promise<string> {
  const service = await berth.object<{ spec: { clusterIP: string } }>(`api/v1/namespaces/{ns}/services/${name}`);
  await using forward = await nodeOf(cluster).forward({ host: service?.spec.clusterIP ?? "", port: 80 });
  const response = await fetch(`http://127.0.0.1:${String(forward.port)}${path}`);
  assert.equal(response.status, 200);
  return await response.text();
}

function nodeOf({ node }: DevCluster): RealNode {
  assert.ok(node !== undefined);
  return node;
}

async function names(kind: string): Promise<string[]> {
  const list = await berth.object<{ items: { metadata: { name: string } }[] }>(kind);
  return (list?.items ?? []).map(({ metadata }) => metadata.name);
}

test("an install waits until the container answers; uninstalled, nothing is left", { skip }, async () => {
  const started = performance.now();
  succeeded(await install("web", { delay: 3 }));
  assert.ok(performance.now() - started > 3_000, "the probe is not asked before 3 s, so the wait was longer");
  assert.match(await ask("web", "/hostname"), /^web-/);

  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/web`, { options: { wait: true } }));
  const gone = await berth.request("GET", `${berth.releases}/web`);
  assert.equal(gone.status, 404);
  const core = "api/v1/namespaces/{ns}";
  for (const kind of [`${core}/services`, `${core}/secrets`, "apis/apps/v1/namespaces/{ns}/deployments"]) {
    assert.deepEqual(await names(kind), [], kind);
  }
  for (const limit = Date.now() + 30_000; (await names(`${core}/pods`)).length > 0;) {
    assert.ok(Date.now() < limit, "pods are left");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});

/** Asks through the release's Service while some work is done, each time over a new connection; gives what came. */
async function keepAsking(name: string, work: () => Promise<void>): Promise<Map<string, number>> {
  const service = await berth.object<{ spec: { clusterIP: string } }>(`api/v1/namespaces/{ns}/services/${name}`);
  await using forward = await nodeOf(cluster).forward({ host: service?.spec.clusterIP ?? "", port: 80 });
  // kube-proxy learns of new endpoints within a second.
  await waitUntil("the Service answers", 10_000, () => askOnce(forward.port).then(() => true));
  const came = new Map<string, number>();
  let isOver = false;
  const loop = async () => {
    while (!isOver) {
      const answer = await askOnce(forward.port).catch((error: unknown) => String(error));
      came.set(answer, (came.get(answer) ?? 0) + 1);
      // Without a pause it would run out of ports to ask from.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const loops = [loop(), loop()];
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(loops);
  }
  return came;
}

async function askOnce(port: number): Promise<string> {
  const request = get({ host: "127.0.0.1", port, agent: false, timeout: 5_000 });
  request.on("timeout", () => request.destroy(new Error("no answer")));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return await text(response);
}

test("an upgrade rolls pods without losing a request; a rollback brings the old answer back", { skip }, async () => {
  // Whatever is asked, it answers that; told to end, it goes on for a while, until nobody asks it any more.
  const flags = ["--http-port=8080", "--delay-shutdown=5"];
  const values = (says: string) => {
    return { args: ["netexec", ...flags, `--http-override=/echo?msg=${says}`], replicas: 2, grace: 10 };
  };
  const options = { wait: true, timeout: "60s" };
  succeeded(await install("rolling", values("one")));
  const upgraded = await keepAsking("rolling", async () => {
    const body = { chart: { path: chart }, values: values("two"), options };
    succeeded(await berth.request<OperationAnswer>("PUT", `${berth.releases}/rolling`, body));
  });
  assert.deepEqual([...upgraded.keys()].sort(), ["one", "two"], JSON.stringify([...upgraded]));
  assert.ok(
    [...upgraded.values()].every((count) => count > 20),
    JSON.stringify([...upgraded]),
  );
  const back = await keepAsking("rolling", async () => {
    const body = { revision: 1, options };
    succeeded(await berth.request<OperationAnswer>("POST", `${berth.releases}/rolling:rollback`, body));
  });
  assert.deepEqual([...back.keys()].sort(), ["one", "two"], JSON.stringify([...back]));
  // The pods that go away are still asked until kube-proxy hears of it.
  await waitUntil("only the old answer comes", 20_000, async () => {
    const answers = await keepAsking("rolling", () => new Promise((resolve) => setTimeout(resolve, 500)));
    return [...answers.keys()].join() === "one";
  });
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/rolling`, { options: { wait: true } }));
});

/** A Helm test that runs what a value says. */
const TEST = `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: { helm.sh/hook: test, helm.sh/hook-delete-policy: before-hook-creation }
spec:
  restartPolicy: Never
  containers:
    - name: main
      image: ${nodeImages.agnhost}
      args: {{ .Values.test | toJson }}
`;

test("a Helm test's pod runs, and its result and its log come back", { skip }, async () => {
  const tested = await berth.charts.write("tested", { "templates/app.yaml": APP, "templates/test.yaml": TEST });
  const run = async (name: string, command: readonly string[]) => {
    const body = { name, chart: { path: tested }, values: { test: command }, options: { wait: true, timeout: "60s" } };
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
    const { log, operation } = await follow(`${berth.releases}/${name}:test`, { timeout: "60s" });
    const { body: listed } = await berth.request<{ hooks: Hook[] }>("GET", `${berth.releases}/${name}/hooks`);
    return { log, operation, phases: listed.hooks.map(({ last_phase }) => last_phase) };
  };
  const good = await run("good-test", ["entrypoint-tester", "all", "is", "well"]);
  assert.equal(good.operation.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(good.operation.error));
  assert.match(good.log, /all is well/);
  assert.deepEqual(good.phases, ["Succeeded"]);
  const bad = await run("bad-test", ["connect", "nobody:80", "--timeout=1s"]);
  assert.equal(bad.operation.state, "OPERATION_STATE_FAILED");
  assert.equal(bad.operation.error?.code, "TEST_FAILED", JSON.stringify(bad.operation.error));
  assert.equal(bad.operation.error.object?.name, "bad-test-test");
  assert.deepEqual(bad.phases, ["Failed"]);
  assert.match(bad.log, /DNS/);
});

interface Hook {
  readonly last_phase: string;
}

/** Sends a write, gives what containers print meanwhile and how it ended. */
async function follow(path: string, body: object) {
  let log = "";
  let last: Record<string, unknown> = {};
  for await (const { event, data } of sendForEvents(berth.url + path, "POST", body)) {
    if (event === "log") log += JSON.stringify(data);
    last = data;
  }
  return { log, operation: last as unknown as OperationAnswer };
}

/** Ways not to become ready: values, and what is said of them. */
const troubles = {
  "bad-image": { values: { image: "registry.local/nothing:1" }, said: /ErrImagePull|ImagePullBackOff/ },
  "crash-loop": {
    values: { args: ["no-such-command"] },
    said: /Error.* exit code 1/,
  },
  "failing-probe": { values: { probe: 8089 }, said: /Unhealthy: Readiness probe failed: .*connection refused/ },
  "out-of-memory": {
    values: { args: ["stress", "--mem-total=1Gi", "--mem-alloc-size=50Mi", "--mem-alloc-sleep=10ms"] },
    said: /OOMKilled/,
  },
  "no-room": { values: { cpu: "1000" }, said: /Insufficient cpu/ },
} as const;

suite("an install ends with the object and its reason", { skip, concurrency: true }, () => {
  for (const [name, { values, said }] of Object.entries(troubles)) {
    test(name, async () => {
      const error = failed(await install(name, values, "20s"), "WAIT_TIMEOUT");
      assert.match(`${error.object?.kind ?? ""} ${error.object?.name ?? ""}`, new RegExp(`^(Deployment|Pod) ${name}`));
      assert.match(error.reason ?? "", said);
      const { body } = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`);
      assert.equal(body.status, "failed");
    });
  }
});

/** A hook that says something and ends as a value wants it. */
const HOOK = `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations: { helm.sh/hook: pre-install }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: ${nodeImages.agnhost}
          args: {{ .Values.args | toJson }}
`;

test("a hook's Job runs, and its log is part of the events; one that fails ends the install", { skip }, async () => {
  const hooked = await berth.charts.write("hooked", { "templates/hook.yaml": HOOK });
  const run = (name: string, args: readonly string[]) => {
    const body = { name, chart: { path: hooked }, values: { args }, options: { timeout: "60s" } };
    return follow(berth.releases, body);
  };
  const good = await run("good-hook", ["entrypoint-tester", "hello", "from", "the", "hook"]);
  assert.equal(good.operation.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(good.operation.error));
  assert.match(good.log, /hello from the hook/);
  const bad = await run("bad-hook", ["no-such-command"]);
  assert.equal(bad.operation.error?.code, "HOOK_FAILED", JSON.stringify(bad.operation));
  assert.equal(bad.operation.error.object?.name, "bad-hook-hook");
  assert.match(bad.log, /unknown command/);
});
