import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { ownTestCluster } from "../testing.ts";
import { ensureToolchain } from "../toolchain/ensure.ts";
import { adminApi } from "./api.ts";
import { resetCluster } from "./data-directory.ts";
import { startCluster } from "./start.ts";
import type { DevCluster } from "./start.ts";
import { waitUntil } from "./wait-until.ts";

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";

let dataDir: string;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "berth-cluster-"));
});
after(() => rm(dataDir, { recursive: true }));

test("objects outlive a stop and a start, pods run, parts can be stopped and started", async () => {
  const toolchain = await ensureToolchain();
  const start = performance.now();
  await using cluster = await startCluster({ dataDir, toolchain, durable: false });
  const took = performance.now() - start;
  assert.ok(took < 8_000 || process.env.CI !== undefined, `the start took ${took} ms`);
  await assert.rejects(startCluster({ dataDir, toolchain }), new RegExp(`in use by process ${process.pid}`));
  await assert.rejects(resetCluster(dataDir), /in use/);

  await create(cluster, MAPS, { metadata: { name: "kept" } });
  await create(cluster, PODS, pod("runs", {}));
  await create(cluster, PODS, pod("hook", { "helm.sh/hook": "test" }));
  await create(cluster, PODS, pod("fails", { "helm.sh/hook": "test", "devcluster.berth.dev/fail": "true" }));
  await phase(cluster, "runs", "Running");
  await phase(cluster, "hook", "Succeeded");
  await phase(cluster, "fails", "Failed");

  const apiserver = cluster.components["kube-apiserver"];
  await apiserver.stop();
  assert.equal(apiserver.pid, undefined);
  await assert.rejects(get(cluster, MAPS), /ECONNREFUSED/);
  await apiserver.start();
  await cluster.ready();
  assert.equal((await get(cluster, `${MAPS}/kept`)).status, 200);

  await cluster.stop();
  await using again = await startCluster({ dataDir, toolchain, durable: false });
  assert.equal(again.server, cluster.server, "kubeconfigs stay true");
  assert.equal((await get(again, `${MAPS}/kept`)).status, 200);
  await again.stop();

  await resetCluster(dataDir);
  await using empty = await startCluster({ dataDir, toolchain, durable: false });
  assert.equal((await get(empty, `${MAPS}/kept`)).status, 404);
});

test("a part that dies is reported with its last words", async () => {
  const failure = Promise.withResolvers<Error>();
  await using cluster = await ownTestCluster({ onFailure: failure.resolve });
  process.kill(cluster.components["kube-scheduler"].pid ?? 0, "SIGKILL");
  assert.match(
    (await failure.promise).message,
    /kube-scheduler of the embedded cluster ended by SIGKILL[^]*Starting Kubernetes/,
  );
  await cluster.components["kube-scheduler"].start();
  await create(cluster, PODS, pod("after", {}));
  await phase(cluster, "after", "Running");
});

async function get(cluster: DevCluster, path: string) {
  return send(cluster, "GET", path);
}

async function create(cluster: DevCluster, path: string, body: object): Promise<void> {
  const answer = await send(cluster, "POST", path, body);
  assert.equal(answer.status, 201, answer.body);
}

async function phase(cluster: DevCluster, name: string, wanted: string): Promise<void> {
  await waitUntil(`pod ${name} is ${wanted}`, 20_000, async () => {
    const { body } = await get(cluster, `${PODS}/${name}`);
    return (JSON.parse(body) as { status: { phase: string } }).status.phase === wanted;
  });
}

async function send(cluster: DevCluster, method: string, path: string, body?: object) {
  const api = adminApi(cluster.server, cluster.credentials);
  try {
    return await api.send(method, path, body);
  } finally {
    api.close();
  }
}

function pod(name: string, annotations: Record<string, string>) {
  return {
    metadata: { name, annotations },
    spec: { restartPolicy: "Never", containers: [{ name: "main", image: "local/app:1" }] },
  };
}
