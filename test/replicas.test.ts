import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { applyDefinitions, createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { OperationAnswer } from "./support/answers.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { startReplica } from "./support/replica.ts";
import type { ReplicaProcess } from "./support/replica.ts";

const HOME = "berth-system";
const RELEASES = 60;
const EACH = 5;
/** Milliseconds between two kills: a replica lives for three of them, and takes over what it has seen dead for 12 s. */
const PACE = 8_000;
const PATH = "/v1/clusters/local/namespaces/default/releases";

let cluster: DevCluster;
let kube: KubeClient;
let charts: ChartDirectory;
let chart: string;
const replicas: ReplicaProcess[] = [];

before(async () => {
  cluster = await ownTestCluster();
  kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  await applyDefinitions(kube, systemClock);
  await ensureNamespace(kube, HOME);
  charts = await makeChartDirectory();
  chart = await charts.write("small", { "templates/config.yaml": CONFIG_MAP });
});
after(async () => {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await kube.close();
  await charts[Symbol.asyncDispose]();
  await cluster.stop();
});

/** Sends a write until a replica that lives has accepted it; the key makes it one. */
async function send(replicas: readonly ReplicaProcess[], method: string, path: string, key: string, body: unknown) {
  for (let tries = 0; ; tries++) {
    const replica = replicas[Math.floor(Math.random() * replicas.length)];
    try {
      const response = await fetch(`${replica?.url ?? ""}${path}`, {
        method,
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
      const answer = (await response.json()) as OperationAnswer & { code?: string };
      if (response.status === 200 || response.status === 202) return answer;
      // Berth is ending, or its watches are not complete.
      assert.ok(response.status >= 500 || response.status === 429, JSON.stringify(answer));
    } catch (error) {
      if (error instanceof assert.AssertionError || tries > 200) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asks for an install and its upgrades, each twice at once through any replica, one after the other; gives their ids. */
async function ask(name: string): Promise<string[]> {
  const ids: string[] = [];
  for (let step = 0; step < EACH; step++) {
    const body = { chart: { path: chart }, values: { value: String(step) } };
    const key = `${name}-${String(step)}`;
    const sent = () =>
      step === 0
        ? send(replicas, "POST", PATH, key, { name, ...body })
        : send(replicas, "PUT", `${PATH}/${name}`, key, body);
    const [one, two] = await Promise.all([sent(), sent()]);
    assert.equal(one.id, two.id, `${key} is one operation`);
    ids.push(one.id);
  }
  return ids;
}

/** Kills one replica after the other, and starts another one for it, until it is told to stop. */
function killInTurn(): { stop(): Promise<void> } {
  let isDone = false;
  const killing = (async () => {
    for (let turn = 0; !isDone; turn++) {
      await new Promise((resolve) => setTimeout(resolve, PACE));
      const index = turn % replicas.length;
      await replicas[index]?.kill();
      replicas[index] = await startReplica(cluster.kubeconfig, HOME);
    }
  })();
  return {
    stop: () => {
      isDone = true;
      return killing;
    },
  };
}

test(
  "300 operations sent twice through three replicas, of which one at a time is killed, are each done once",
  { timeout: 400_000 },
  async () => {
    replicas.push(...(await Promise.all([1, 2, 3].map(() => startReplica(cluster.kubeconfig, HOME)))));
    const killing = killInTurn();
    const all = new Map<string, OperationAnswer>();
    const sent: { name: string; ids: string[] }[] = [];
    try {
      const names = Array.from({ length: RELEASES }, (_, index) => `r-${String(index)}`);
      sent.push(...(await Promise.all(names.map(async (name) => ({ name, ids: await ask(name) })))));
      for (const id of sent.flatMap(({ ids }) => ids)) all.set(id, await ended(replicas, id));
    } finally {
      await killing.stop();
    }

    assert.equal(all.size, RELEASES * EACH);
    const page = await fetch(`${replicas[0]?.url ?? ""}/v1/operations?page_size=1`);
    assert.equal(
      ((await page.json()) as { total_size: number }).total_size,
      RELEASES * EACH,
      "no other operation was made",
    );
    const revisions = await storedRevisions();
    for (const { name, ids } of sent) {
      const stored = revisions.get(name) ?? [];
      const note = `${name}: ${JSON.stringify(stored)} ${JSON.stringify(ids.map((id) => all.get(id)))}`;
      for (const id of ids) assert.equal(all.get(id)?.state, "OPERATION_STATE_SUCCEEDED", note);
      const good = stored.filter(({ status }) => status !== "failed").map(({ operation }) => operation);
      assert.deepEqual(good, ids.slice(-good.length), `in the order asked, each once. ${note}`);
      assert.ok(
        stored.every(({ operation }) => ids.includes(operation)),
        note,
      );
      assert.deepEqual(
        stored.filter(({ status }) => status === "deployed").map(({ operation }) => operation),
        [ids.at(-1)],
        note,
      );
      const config = await kube.request<{ data: { value: string } }>({
        path: `/api/v1/namespaces/default/configmaps/${name}-config`,
      });
      assert.equal(config.data.value, String(EACH - 1));
    }
  },
);

async function ended(replicas: readonly ReplicaProcess[], id: string): Promise<OperationAnswer> {
  for (let tries = 0; ; tries++) {
    const replica = replicas[tries % replicas.length];
    try {
      const response = await fetch(`${replica?.url ?? ""}/v1/operations/${id}?wait=5`, {
        signal: AbortSignal.timeout(10_000),
      });
      const operation = (await response.json()) as OperationAnswer;
      if (operation.done) return operation;
      assert.ok(tries < 60, JSON.stringify(operation));
    } catch (error) {
      // One replica of three is away for a moment; where all are for long, there is nothing to wait for.
      if (error instanceof assert.AssertionError || tries > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

interface Stored {
  readonly revision: number;
  readonly status: string;
  readonly operation: string;
}

/** What Helm has stored of each release, the oldest first. */
async function storedRevisions(): Promise<Map<string, Stored[]>> {
  const path = "/api/v1/namespaces/default/secrets";
  const { items } = await kube.request<{ items: { metadata: { labels: Record<string, string> } }[] }>({
    path,
    query: { labelSelector: "owner=helm" },
  });
  const all = new Map<string, Stored[]>();
  for (const { metadata } of items) {
    const { name = "", version = "", status = "", "berth.dev/operation": operation = "" } = metadata.labels;
    all.set(name, [...(all.get(name) ?? []), { revision: Number(version), status, operation }]);
  }
  for (const list of all.values()) list.sort((a, b) => a.revision - b.revision);
  return all;
}
