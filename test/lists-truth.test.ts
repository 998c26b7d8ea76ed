import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, deleteObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient, ObjectMetadata } from "@berth/kube";

import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startConnectProxy } from "./support/connect-proxy.ts";
import type { ConnectProxy } from "./support/connect-proxy.ts";
import { eventually } from "./support/exposures.ts";
import { helm, helmJson } from "./support/helm.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * Lists against the truth: what helm says after a storm of writes by helm and
 * Berth, and what a full LIST says after the watches were cut again and again.
 */

interface Listed {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly status: string;
  readonly chart?: { readonly name: string; readonly version: string };
}

/** How soon lists are true again once all is well, in milliseconds. */
const CONVERGED = 5_000;

let berth: TestBerth;
let far: DevCluster;
let kube: KubeClient;
let proxy: ConnectProxy;

before(async () => {
  far = await ownTestCluster();
  const connection = await loadKubeconfig(far.kubeconfig);
  kube = createKubeClient(connection, { log: silentLogger, clock: systemClock });
  proxy = await startConnectProxy();
  berth = await startTestBerth();
  const kubeconfig = await readFile(far.kubeconfig, "utf8");
  const request = { name: "storm", proxy_url: proxy.url, credentials: { kubeconfig } };
  const made = await berth.request("POST", "/v1/clusters", request);
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await eventually("the cluster is followed", async () =>
    (await page("page_size=1")) === undefined ? undefined : true,
  );
});
after(async () => {
  await berth.request("DELETE", "/v1/clusters/storm");
  await berth[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await kube.close();
  await far[Symbol.asyncDispose]();
});

/** All releases of the cluster that Berth lists; undefined while it says that it does not know them all. */
async function page(query: string): Promise<Listed[] | undefined> {
  const { status, body } = await berth.request<{
    releases?: Listed[];
    stale_clusters?: unknown[];
    pending_summaries?: number;
  }>("GET", `/v1/clusters/storm/releases?${query}`);
  const isKnown = status === 200 && (body.stale_clusters ?? []).length === 0 && (body.pending_summaries ?? 0) === 0;
  return isKnown ? (body.releases ?? []) : undefined;
}

const toLine = (namespace: string, name: string, revision: number | string, status: string, chart: string) =>
  `${namespace}/${name} ${String(revision)} ${status} ${chart}`;

test("after a storm of writes by helm and Berth each list says what helm says", async () => {
  const chart = await berth.charts.write("stormy", { "templates/map.yaml": CONFIG_MAP });
  const namespaces = ["default", "kube-public"];
  const names = ["s-0", "s-1", "s-2", "s-3", "s-4"];
  const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
  const byHelm = async () => {
    const [namespace, name] = [any(namespaces), any(names)];
    const verb = any([
      ["upgrade", "--install", name, chart],
      ["upgrade", "--install", name, chart],
      ["rollback", name],
      ["uninstall", name],
    ]);
    await helm(far.kubeconfig, "-n", namespace, ...verb).catch(() => undefined);
  };
  const byBerth = async () => {
    const [namespace, name] = [any(namespaces), any(names)];
    const releases = `/v1/clusters/storm/namespaces/${namespace}/releases`;
    const [method, path, body] = any([
      ["POST", releases, { name, chart: { path: chart } }],
      ["PUT", `${releases}/${name}`, { chart: { path: chart } }],
      ["POST", `${releases}/${name}:rollback`, {}],
      ["DELETE", `${releases}/${name}?keep_history=true`, undefined],
      ["DELETE", `${releases}/${name}`, undefined],
    ] as const);
    // Many of them are refused, as they should be.
    await berth.request<OperationAnswer>(method, path, body);
  };
  const end = performance.now() + 12_000;
  const worker = async (write: () => Promise<void>) => {
    while (performance.now() < end) await write();
  };
  await Promise.all([worker(byHelm), worker(byHelm), worker(byBerth), worker(byBerth), worker(byBerth)]);

  interface HelmRelease {
    readonly namespace: string;
    readonly name: string;
    readonly revision: string;
    readonly status: string;
    readonly chart: string;
  }
  const known = await helmJson<HelmRelease[]>(far.kubeconfig, "list", "-A", "--max", "0");
  const truth = known.map((one) => toLine(one.namespace, one.name, one.revision, one.status, one.chart)).sort();
  assert.ok(truth.length > 0);
  const listed = await eventually(
    "the list is what helm says",
    async () => {
      const found = await page("page_size=500");
      const lines = found?.map((one) =>
        toLine(
          one.namespace,
          one.name,
          one.revision,
          one.status,
          `${one.chart?.name ?? ""}-${one.chart?.version ?? ""}`,
        ),
      );
      return JSON.stringify(lines?.sort()) === JSON.stringify(truth) ? found : undefined;
    },
    CONVERGED,
  );
  for (const { namespace, name, revision, status } of listed) {
    const url = `/v1/clusters/storm/namespaces/${namespace}/releases/${name}`;
    const { body } = await berth.request<ReleaseAnswer>("GET", url);
    assert.deepEqual([body.revision, body.status], [revision, status]);
    const history = await berth.request<{ revisions: ReleaseAnswer[] }>("GET", `${url}/history`);
    const theirs = await helmJson<{ revision: number; status: string }[]>(
      far.kubeconfig,
      "history",
      name,
      "-n",
      namespace,
    );
    assert.deepEqual(
      history.body.revisions.map((one) => `${String(one.revision)} ${one.status}`),
      theirs.map((one) => `${String(one.revision)} ${one.status}`).reverse(),
    );
  }
});

/** What a full LIST says: the newest revision of each release, with its status. */
async function truthByList(): Promise<string[]> {
  const newest = new Map<string, { revision: number; status: string }>();
  for (const plural of ["secrets", "configmaps"]) {
    const { items } = await kube.request<{ items: { metadata: ObjectMetadata }[] }>({
      path: `/api/v1/${plural}`,
      query: { labelSelector: "owner=helm" },
    });
    for (const { metadata } of items) {
      const { name = "", version = "", status = "" } = metadata.labels ?? {};
      const key = `${metadata.namespace ?? ""}/${name}`;
      if ((newest.get(key)?.revision ?? 0) < Number(version)) newest.set(key, { revision: Number(version), status });
    }
  }
  return [...newest].map(([key, { revision, status }]) => `${key} ${String(revision)} ${status}`).sort();
}

test("watches that are cut at random come back to the truth in 5 s", async () => {
  const secrets = { group: "", version: "v1", plural: "secrets" };
  const live = new Set<string>();
  let isOver = false;
  const writer = async (who: string) => {
    for (let round = 0; !isOver; round++) {
      const name = `c-${who}-${String(round % 30)}`;
      const object = `sh.helm.release.v1.${name}.v1`;
      if (live.delete(name)) await deleteObject(kube, { resource: secrets, namespace: "default", name: object });
      else {
        await storeRelease(kube, { namespace: "default", name });
        live.add(name);
      }
    }
  };
  const cutter = async () => {
    for (let cuts = 0; cuts < 25; cuts++) {
      await systemClock.sleep(50 + Math.random() * 400);
      proxy.cut();
    }
    isOver = true;
  };
  await Promise.all([cutter(), writer("a"), writer("b"), writer("c")]);
  const truth = await truthByList();
  await eventually(
    "the list is the truth",
    async () => {
      const found = await page("page_size=500");
      const lines = found?.map((one) => `${one.namespace}/${one.name} ${String(one.revision)} ${one.status}`).sort();
      return JSON.stringify(lines) === JSON.stringify(truth) ? true : undefined;
    },
    CONVERGED,
  );
});
