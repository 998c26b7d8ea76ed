import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ensureRealNode, ownTestCluster, whyNoRealNode } from "@berth/devcluster";
import type { DevCluster, RealNode } from "@berth/devcluster";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { ECHO, isRefused, untilAnswers } from "./support/echo.ts";
import { applyByHand, eventually, exposuresPath, untilReady } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";
import { startIngressController } from "./support/haproxy.ts";
import type { IngressController } from "./support/haproxy.ts";

const skip = whyNoRealNode()?.message ?? false;
/** A port that somebody has exposed by hand, before there was Berth. */
const OLD = 20_007;

let cluster: DevCluster;
let node: RealNode;
let berth: TestBerth;
let controller: IngressController;
before(async () => {
  if (skip !== false) return;
  cluster = await ownTestCluster({ real: await ensureRealNode() });
  assert.ok(cluster.node !== undefined);
  ({ node } = cluster);
  const { kubeconfig } = cluster;
  berth = await startTestBerth({ kubeconfig });
  const { kube, namespace } = berth;
  controller = await startIngressController({ node, kubeconfig, kube, namespace });
  const chart = { path: await berth.charts.write("echo", { "templates/all.yaml": ECHO }) };
  for (const name of ["one", "two"]) {
    const body = { name, chart, options: { wait: true, timeout: "60s" } };
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  }
});
after(async () => {
  if (skip !== false) return;
  await controller[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
  await cluster.stop();
});

test(
  "HAProxy carries what is exposed in its ConfigMap, follows the service, and what was there before stays",
  { skip },
  async () => {
    const { kube, namespace } = berth;
    const data = { [String(OLD)]: `${namespace}/one:7000` };
    const metadata = { name: controller.configMap };
    await kube.request({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      body: { metadata, data },
    });
    const ports = { from: 20_000, to: 20_099 };
    const pool = { driver: "configmap", ports, restSeconds: 0, allowedNamespaces: { all: true } };
    await applyByHand(kube, "AddressPool", { name: "ingress" }, pool);
    const configmap = { namespace, tcp: controller.configMap, service: controller.service };
    // It has no load balancer before it: callers are told the address of its Service.
    const service = await berth.object<{ spec: { clusterIP: string } }>(
      `api/v1/namespaces/{ns}/services/${controller.service}`,
    );
    const address = service?.spec.clusterIP;
    await applyByHand(kube, "Address", { name: "ingress-0" }, { pool: "ingress", address, configmap });
    await untilReady(kube, "addresses/ingress-0");

    const settings = { name: "echo", pool: "ingress", service: "one", service_port: 7000 };
    const { status, body: exposure } = await berth.request<ExposureAnswer>(
      "POST",
      `${exposuresPath(berth)}?wait=30`,
      settings,
    );
    assert.deepEqual([status, exposure.simulated], [200, false], JSON.stringify(exposure));
    assert.equal(exposure.address, address);
    await using door = await node.forward({ host: exposure.address, port: exposure.port });
    await untilAnswers(door.port, /^one-/);

    const spec = { service: { name: "two", port: 7000 }, protocols: ["TCP"], pool: "ingress" };
    await applyByHand(kube, "Exposure", { name: "echo", namespace }, spec);
    await untilAnswers(door.port, /^two-/);

    // Its Service is the controller's own business until somebody exposes it by Berth, port and all.
    const taken = { name: "old", pool: "ingress", service: "one", service_port: 7000, port: OLD };
    const adopted = await berth.request<ExposureAnswer>("POST", `${exposuresPath(berth)}?wait=30`, taken);
    assert.equal(adopted.body.state, "EXPOSURE_STATE_READY", JSON.stringify(adopted.body));
    await using old = await node.forward({ host: exposure.address, port: OLD });
    await untilAnswers(old.port, /^one-/);

    await berth.request("DELETE", `${exposuresPath(berth)}/echo`);
    await eventually("the connection is refused", () => isRefused(door.port), 3_000);
    await untilAnswers(old.port, /^one-/);
  },
);
