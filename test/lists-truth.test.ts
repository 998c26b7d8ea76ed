import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, deleteObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startConnectProxy } from "./support/connect-proxy.ts";
import type { ConnectProxy } from "./support/connect-proxy.ts";
import { eventually } from "./support/exposures.ts";
import { helm, helmJson } from "./support/helm.ts";
import { startRepository } from "./support/index-repository.ts";
import { listReleases, newestByList, toLine } from "./support/lists.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * Lists against the truth: what helm says after a storm of writes by helm and
 * Berth on three clusters, and what a full LIST says after the watches were cut
 * again and again.
 */

/** How soon lists are true again once all is well, in milliseconds. */
const CONVERGED = 5_000;
/** How long the storm lasts, in milliseconds. */
const STORM = 10_000;
/** The clusters of this test. */
const NAMES = ["local", "storm", "second"];

/** A cluster as the test and Berth know it, and where the test writes. */
interface Place {
  readonly cluster: string;
  readonly kubeconfig: string;
  readonly namespaces: readonly string[];
}

let berth: TestBerth;
let own: DevCluster[];
let kube: KubeClient;
let proxy: ConnectProxy;
let places: Place[];

before(async () => {
  own = [await ownTestCluster({ nodes: 0 }), await ownTestCluster({ nodes: 0 })];
  const [storm, second] = own as [DevCluster, DevCluster];
  kube = createKubeClient(await loadKubeconfig(storm.kubeconfig), { log: silentLogger, clock: systemClock });
  proxy = await startConnectProxy();
  // Others write to the home at the same time: what is there of this test is in its namespace.
  berth = await startTestBerth();
  for (const [name, { kubeconfig }, more] of [
    ["storm", storm, { proxy_url: proxy.url }],
    ["second", second, {}],
  ] as const) {
    const credentials = { kubeconfig: await readFile(kubeconfig, "utf8") };
    const made = await berth.request("POST", "/v1/clusters", { name, credentials, ...more });
    assert.equal(made.status, 200, JSON.stringify(made.body));
  }
  const { kubeconfig } = berth;
  places = [
    { cluster: "local", kubeconfig, namespaces: [berth.namespace] },
    { cluster: "storm", kubeconfig: storm.kubeconfig, namespaces: ["default", "kube-public"] },
    { cluster: "second", kubeconfig: second.kubeconfig, namespaces: ["default", "kube-public"] },
  ];
  await eventually("the clusters are followed", async () =>
    (await listReleases(berth, "-", "page_size=1", NAMES)).isKnown ? true : undefined,
  );
});
after(async () => {
  for (const name of ["storm", "second"]) await berth.request("DELETE", `/v1/clusters/${name}`);
  await berth[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await kube.close();
  for (const cluster of own) await cluster[Symbol.asyncDispose]();
});

const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
const somewhere = () => {
  const { cluster, kubeconfig, namespaces } = any(places);
  return { cluster, kubeconfig, namespace: any(namespaces), name: any(["s-0", "s-1", "s-2", "s-3"]) };
};

async function writeByHelm(chart: string): Promise<void> {
  const { kubeconfig, namespace, name } = somewhere();
  const verb = any([
    ["upgrade", "--install", name, chart],
    ["upgrade", "--install", name, chart],
    ["rollback", name],
    ["uninstall", name],
  ]);
  await helm(kubeconfig, "-n", namespace, ...verb).catch(() => undefined);
}

/** Many of these are refused, as they should be. */
async function writeByBerth(chart: string): Promise<void> {
  const { cluster, namespace, name } = somewhere();
  const releases = `/v1/clusters/${cluster}/namespaces/${namespace}/releases`;
  const [method, path, body] = any([
    ["POST", releases, { name, chart: { path: chart } }],
    ["PUT", `${releases}/${name}`, { chart: { path: chart } }],
    ["POST", `${releases}/${name}:rollback`, {}],
    ["DELETE", `${releases}/${name}?keep_history=true`, undefined],
    ["DELETE", `${releases}/${name}`, undefined],
  ] as const);
  await berth.request<OperationAnswer>(method, path, body);
}

interface HelmRelease {
  readonly namespace: string;
  readonly name: string;
  readonly revision: string;
  readonly status: string;
  readonly chart: string;
}

/** What helm says of all places, as lines in order. */
async function truthByHelm(): Promise<string[]> {
  const lines: string[] = [];
  for (const { cluster, kubeconfig, namespaces } of places) {
    for (const namespace of namespaces) {
      const known = await helmJson<HelmRelease[]>(kubeconfig, "list", "-n", namespace, "--max", "0");
      for (const { name, revision, status, chart } of known) {
        lines.push(`${cluster}/${toLine({ cluster, namespace, name, revision: Number(revision), status })} ${chart}`);
      }
    }
  }
  return lines.sort();
}

/** What lists say of all places, as lines in order; undefined while one says that it does not know them all. */
async function listed(cluster: string): Promise<string[] | undefined> {
  const { isKnown, releases } = await listReleases(berth, cluster, "page_size=500", NAMES);
  if (!isKnown) return undefined;
  return releases
    .filter((one) => places.some((place) => place.cluster === one.cluster && place.namespaces.includes(one.namespace)))
    .map((one) => `${one.cluster}/${toLine(one)} ${one.chart?.name ?? ""}-${one.chart?.version ?? ""}`)
    .sort();
}

test("after a storm of writes by helm and Berth on three clusters each list says what helm says", async () => {
  const chart = await berth.charts.write("stormy", { "templates/map.yaml": CONFIG_MAP });
  const end = performance.now() + STORM;
  const worker = async (write: (chart: string) => Promise<void>) => {
    while (performance.now() < end) await write(chart);
  };
  await Promise.all([writeByHelm, writeByHelm, writeByBerth, writeByBerth, writeByBerth].map(worker));

  const calm = performance.now();
  const truth = await truthByHelm();
  for (const { cluster } of places)
    assert.ok(
      truth.some((line) => line.startsWith(`${cluster}/`)),
      cluster,
    );
  for (const cluster of ["-", ...places.map((place) => place.cluster)]) {
    const wanted = cluster === "-" ? truth : truth.filter((line) => line.startsWith(`${cluster}/`));
    const isTrue = async () => {
      const lines = await listed(cluster);
      return JSON.stringify(lines) === JSON.stringify(wanted) ? true : undefined;
    };
    await eventually(`the list of ${cluster} is what helm says`, isTrue, CONVERGED);
  }
  assert.ok(performance.now() - calm < CONVERGED + 5_000, "helm itself takes a while");
  await checkSingles();
});

/** Compares each release, and its history, with what helm says of it. */
async function checkSingles(): Promise<void> {
  for (const { cluster, kubeconfig, namespaces } of places) {
    const { releases } = await listReleases(berth, cluster, "page_size=500");
    for (const { namespace, name, revision, status } of releases.filter((one) => namespaces.includes(one.namespace))) {
      const url = `/v1/clusters/${cluster}/namespaces/${namespace}/releases/${name}`;
      const { body } = await berth.request<ReleaseAnswer>("GET", url);
      assert.deepEqual([body.revision, body.status], [revision, status]);
      const history = await berth.request<{ revisions: ReleaseAnswer[] }>("GET", `${url}/history`);
      const theirs = await helmJson<HelmRelease[]>(kubeconfig, "history", name, "-n", namespace);
      assert.deepEqual(
        history.body.revisions.map((one) => `${String(one.revision)} ${one.status}`),
        theirs.map((one) => `${one.revision} ${one.status}`).reverse(),
      );
    }
  }
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
  const truth = await newestByList(kube);
  await eventually(
    "the list is the truth",
    async () => {
      const { isKnown, releases } = await listReleases(berth, "storm", "page_size=500");
      return isKnown && JSON.stringify(releases.map(toLine).sort()) === JSON.stringify(truth) ? true : undefined;
    },
    CONVERGED,
  );
});

test("what is outdated is found over all clusters, and those that are not heard of are named", async () => {
  const folder = await mkdtemp(join(berth.charts.path, "repository-"));
  for (const version of ["1.0.0", "1.1.0"]) {
    const chart = await berth.charts.write("aged", { "templates/map.yaml": CONFIG_MAP }, `version: ${version}`);
    await berth.helm("package", chart, "-d", folder);
  }
  await using repository = await startRepository(folder);
  await berth.helm("repo", "index", folder, "--url", repository.url);
  const chartOf = (version: string) => ({ repository: repository.url, name: "aged", version });
  for (const [{ cluster, namespaces }, name, version] of [
    [places[0] as Place, "old-at-home", "1.0.0"],
    [places[1] as Place, "old-far", "1.0.0"],
    [places[2] as Place, "new-far", "1.1.0"],
    [places[2] as Place, "old-further", "1.0.0"],
  ] as const) {
    const releases = `/v1/clusters/${cluster}/namespaces/${namespaces[0] ?? ""}/releases`;
    succeeded(await berth.request<OperationAnswer>("POST", releases, { name, chart: chartOf(version) }));
  }
  interface Outdated {
    readonly releases: readonly { cluster: string; name: string; newest: string; chart?: { name: string } }[];
    readonly stale_clusters?: readonly { cluster: string }[];
  }
  const look = async () => {
    const { status, body } = await berth.request<Outdated>("GET", "/v1/clusters/-/releases:outdated?page_size=500");
    assert.equal(status, 200, JSON.stringify(body));
    const found = body.releases.filter(({ chart }) => chart?.name === "aged");
    return {
      found: found.map(({ cluster, name, newest }) => `${cluster}/${name} ${newest}`).sort(),
      stale: (body.stale_clusters ?? []).map(({ cluster }) => cluster).filter((name) => NAMES.includes(name)),
    };
  };
  const all = ["local/old-at-home 1.1.0", "second/old-further 1.1.0", "storm/old-far 1.1.0"];
  await eventually("all are found", async () => {
    const { found, stale } = await look();
    return JSON.stringify(found) === JSON.stringify(all) && stale.length === 0 ? true : undefined;
  });
  proxy.close();
  await eventually("one is not heard of", async () => ((await look()).stale.length > 0 ? true : undefined));
  assert.deepEqual(await look(), { found: all, stale: ["storm"] });
  proxy.mend();
});
