import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { ensureHelm3, ownTestCluster } from "@berth/devcluster";
import type { DevCluster, Helm3 } from "@berth/devcluster";

import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { helmLine } from "./support/helm.ts";

/*
 * A platform's releases of years, made by Helm 3's SDK in one process and taken
 * over by a Berth that has never seen them, all at once.
 */

const run = promisify(execFile);
const COUNT = 500;
const NAMESPACES = Array.from({ length: 8 }, (_, i) => `many-${String(i)}`);
/** A Berth that has just started knows them all after this time, in milliseconds. */
const KNOWN = 10_000;

interface Listed extends ReleaseAnswer {
  readonly summary_pending: boolean;
  readonly unreadable: string;
}

interface Page {
  readonly releases: Listed[];
  readonly total_size: number;
  readonly pending_summaries: number;
}

let cluster: DevCluster;
let programs: Helm3;
let berth: TestBerth;
/** When it was started. */
let start: number;
let chart: string;

before(async () => {
  programs = await ensureHelm3();
  cluster = await ownTestCluster();
  const { kubeconfig } = cluster;
  // Charts have to lie somewhere before there are releases, and a Berth to find these.
  await using maker = await startTestBerth({ kubeconfig });
  const old = await maker.charts.write("adopted", { "templates/config.yaml": CONFIG_MAP }, "version: 1.0.0");
  for (const name of NAMESPACES) {
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    await maker.kube.request({ method: "POST", path: "/api/v1/namespaces", body });
  }
  const made = async (driver: string, prefix: string, count: number) => {
    const env = { PATH: process.env.PATH, HOME: "/nonexistent", KUBECONFIG: kubeconfig, HELM_DRIVER: driver };
    await run(programs.installMany, [old, prefix, String(count), ...NAMESPACES], { env });
  };
  await made("secret", "s", COUNT / 2);
  await made("configmap", "c", COUNT / 2);
  await maker.stop();
  start = performance.now();
  berth = await startTestBerth({ kubeconfig });
  chart = await berth.charts.write("adopted", { "templates/config.yaml": CONFIG_MAP }, "version: 2.0.0");
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const list = async () => (await berth.request<Page>("GET", "/v1/clusters/local/releases?page_size=500")).body;
const pathOf = ({ namespace, name }: ReleaseAnswer) => `/v1/clusters/local/namespaces/${namespace}/releases/${name}`;
const line = ({ namespace, name, revision, status, chart: of }: ReleaseAnswer) =>
  [namespace, name, revision, status, of?.name, of?.version].join(" ");

/** All that Helm 3 tells, as lines like those. */
async function truth(): Promise<string[]> {
  const { kubeconfig } = cluster;
  const lists = (["secret", "configmap"] as const).map((driver) =>
    helmLine({ kubeconfig, binary: programs.helm, driver }).json<Record<string, string>[]>("list", "-A", "--max", "0"),
  );
  const all = (await Promise.all(lists)).flat();
  return all
    .map((one) => [one.namespace, one.name, one.revision, one.status, one.chart?.replace("-", " ")].join(" "))
    .sort();
}

/** Asks for the same of each release at once, and waits until all of it is done. */
async function all(what: string, releases: readonly Listed[], ask: (path: string) => ReturnType<typeof askOne>) {
  const asked = performance.now();
  const answers = await Promise.all(releases.map((release) => ask(pathOf(release))));
  const wrong = answers.filter(({ body }) => body.state !== "OPERATION_STATE_SUCCEEDED");
  assert.deepEqual(
    wrong.map(({ status, body }) => [status, body]),
    [],
    what,
  );
  return performance.now() - asked;
}

const askOne = (method: string, path: string, body?: object) =>
  berth.request<OperationAnswer>(method, path, body, { prefer: "wait=120" });

test(`${String(COUNT)} releases of Helm 3 are listed, upgraded and uninstalled at once`, async (t) => {
  const page = await eventually(
    "all are known",
    async () => {
      const found = await list();
      return found.total_size === COUNT && found.pending_summaries === 0 ? found : undefined;
    },
    KNOWN,
  );
  t.diagnostic(`known ${((performance.now() - start) / 1000).toFixed(1)} s after the start`);
  assert.deepEqual(page.releases.map(line).sort(), await truth());
  assert.deepEqual(
    page.releases.filter(({ unreadable, summary_pending }) => unreadable !== "" || summary_pending),
    [],
  );

  const body = { chart: { path: chart }, values: { value: "new" } };
  const upgraded = await all("upgraded", page.releases, (path) => askOne("PUT", path, body));
  t.diagnostic(`upgraded in ${(upgraded / 1000).toFixed(1)} s`);
  const told = await truth();
  assert.deepEqual(
    told,
    page.releases.map((one) => line({ ...one, revision: 2, chart: { name: "adopted", version: "2.0.0" } })).sort(),
  );
  await eventually("listed as upgraded", async () =>
    JSON.stringify((await list()).releases.map(line).sort()) === JSON.stringify(told) ? true : undefined,
  );
  const maps = await berth.kube.request<{ items: { metadata: { name: string }; data?: { value?: string } }[] }>({
    path: "/api/v1/configmaps",
  });
  const own = maps.items.filter(({ metadata }) => /^[sc]-\d+-config$/.test(metadata.name));
  assert.deepEqual([own.length, own.filter(({ data }) => data?.value !== "new")], [COUNT, []]);

  const gone = await all("uninstalled", page.releases, (path) => askOne("DELETE", path));
  t.diagnostic(`uninstalled in ${(gone / 1000).toFixed(1)} s`);
  assert.deepEqual(await truth(), []);
  for (const plural of ["secrets", "configmaps"]) {
    const left = await berth.kube.request<{ items: { metadata: { name: string; namespace: string } }[] }>({
      path: `/api/v1/${plural}`,
    });
    const names = left.items
      .filter(({ metadata }) => NAMESPACES.includes(metadata.namespace))
      .map(({ metadata }) => metadata.name);
    assert.deepEqual(
      names.filter((name) => name !== "kube-root-ca.crt"),
      [],
    );
  }
});
