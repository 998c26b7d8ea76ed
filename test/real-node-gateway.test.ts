import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { nodeImages, sharedGateway, whyNoRealNode } from "@berth/devcluster";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { askName } from "./support/echo.ts";
import { startGatewayCluster } from "./support/gateway.ts";
import type { GatewayCluster } from "./support/gateway.ts";
import { askByUdp } from "./support/udp.ts";

const skip = whyNoRealNode()?.message ?? false;
const PORT = 7000;

/** Two pods that say their names by TCP and UDP, and one port of the shared Gateway for both. */
const APP = `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: 2
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: ${nodeImages.agnhost}
          args: [netexec, --http-port=8080, --udp-port=8081]
          readinessProbe: { httpGet: { path: /healthz, port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: {{ .Release.Name }} }
  ports:
    - { name: tcp, port: 80, targetPort: 8080 }
    - { name: udp, port: 81, targetPort: 8081, protocol: UDP }
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: {{ .Release.Name }} }
spec:
  parentRef: { name: ${sharedGateway.name}, namespace: ${sharedGateway.namespace} }
  listeners:
    - { name: tcp, protocol: TCP, port: {{ .Values.port }}, allowedRoutes: { kinds: [{ kind: TCPRoute }] } }
    - { name: udp, protocol: UDP, port: {{ .Values.port }}, allowedRoutes: { kinds: [{ kind: UDPRoute }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: {{ .Release.Name }} }
spec:
  parentRefs: [{ kind: ListenerSet, name: {{ .Release.Name }}, sectionName: tcp }]
  rules: [{ backendRefs: [{ name: {{ .Release.Name }}, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: UDPRoute
metadata: { name: {{ .Release.Name }} }
spec:
  parentRefs: [{ kind: ListenerSet, name: {{ .Release.Name }}, sectionName: udp }]
  rules: [{ backendRefs: [{ name: {{ .Release.Name }}, port: 81 }] }]
`;

let shared: GatewayCluster;
let chart: string;
before(async () => {
  if (skip !== false) return;
  shared = await startGatewayCluster();
  chart = await shared.berth.charts.write("exposed", { "templates/all.yaml": APP });
});
after(async () => {
  if (skip === false) await shared[Symbol.asyncDispose]();
});

function install(name: string, port: number, timeout: string) {
  const { berth } = shared;
  const body = { name, chart: { path: chart }, values: { port }, options: { wait: true, timeout } };
  return berth.request<OperationAnswer>("POST", berth.releases, body);
}

/** What is answered over a connection of its own. */
const ask = (port: number) => askName(port, 5_000);

/** Asks until as many different answers came; each connection and each sender may reach another pod. */
async function different(count: number, once: () => Promise<string>): Promise<string[]> {
  const answers = new Set<string>();
  for (let asked = 0; answers.size < count && asked < 60; asked++) {
    await once().then(
      (answer) => answers.add(answer),
      // The port may not be open yet.
      () => new Promise((resolve) => setTimeout(resolve, 250)),
    );
  }
  return [...answers].sort();
}

test(
  "TCP and UDP reach two pods through Envoy Gateway, installed by Berth, and a port has one owner",
  { skip },
  async () => {
    const { berth } = shared;
    for (const { name, namespace } of [{ name: "envoy-gateway", namespace: "envoy-gateway-system" }, shared.gateway]) {
      const path = `/v1/clusters/local/namespaces/${namespace}/releases/${name}`;
      assert.equal((await berth.request<ReleaseAnswer>("GET", path)).body.status, "deployed");
    }
    succeeded(await install("echo", PORT, "60s"));
    const list = await berth.object<{ items: { metadata: { name: string } }[] }>("api/v1/namespaces/{ns}/pods");
    const pods = (list?.items ?? []).map(({ metadata }) => metadata.name).sort();
    assert.equal(pods.length, 2);
    await using tcp = await shared.forward(PORT);
    assert.deepEqual(await different(2, () => ask(tcp.port)), pods);
    await using udp = await shared.forward(PORT, "udp");
    assert.deepEqual(await different(2, () => askByUdp(udp.port, "hostname")), pods);

    // The second who wants the port does not get it, and is told who has it.
    const error = failed(await install("late", PORT, "5s"), "WAIT_TIMEOUT");
    assert.equal(`${error.object?.kind ?? ""} ${error.object?.name ?? ""}`, "ListenerSet late");
    assert.match(error.reason ?? "", /^Programmed: \w+: /);
    assert.ok(pods.includes(await ask(tcp.port)), "the first still has it");

    succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/echo`, { options: { wait: true } }));
    const others = (await different(4, () => ask(tcp.port))).filter((name) => !pods.includes(name));
    assert.equal(others.length, 2, "once the first is gone, the port is the second's");
    assert.ok(others.every((name) => name.startsWith("late-")));
  },
);
