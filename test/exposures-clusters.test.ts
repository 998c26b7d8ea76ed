import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { refused } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { callCli } from "./support/cli.ts";
import { readEvents } from "./support/events.ts";
import { eventually } from "./support/exposures.ts";

/*
 * Exposures and pools of all clusters in one list: `-` for the cluster.
 */

const POOL = "everywhere";
const CLUSTERS = ["far", "local"];

let berth: TestBerth;
let home: DevCluster;
let far: DevCluster;

before(async () => {
  [home, far] = await Promise.all([ownTestCluster({ nodes: 0 }), ownTestCluster({ nodes: 0 })]);
  berth = await startTestBerth({ kubeconfig: home.kubeconfig });
  const credentials = { kubeconfig: await readFile(far.kubeconfig, "utf8") };
  const made = await berth.request("POST", "/v1/clusters:bootstrap", { name: "far", credentials });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  // Nothing listens there.
  const dead = { name: "dead", server: "https://127.0.0.1:9", credentials: { token: "x" } };
  assert.equal((await berth.request("POST", "/v1/clusters", dead)).status, 200);
  for (const cluster of CLUSTERS) {
    await eventually(`${cluster} takes a pool`, async () => {
      const pool = { name: POOL, driver: "DRIVER_CONFIGMAP", simulated: true, ports: { from: 21_000, to: 21_099 } };
      const body = { ...pool, all_namespaces: true };
      return (await berth.request("POST", `/v1/clusters/${cluster}/pools`, body)).status === 200 ? true : undefined;
    });
    const address = {
      name: `${POOL}-0`,
      address: `${cluster}.example.com`,
      configmap: { namespace: "default", tcp: "tcp" },
    };
    const at = `/v1/clusters/${cluster}/pools/${POOL}/addresses`;
    const made = await berth.request("POST", at, address);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    for (const name of ["a", "b", "c"]) {
      await eventually("the address carries ports", async () =>
        (await expose(cluster, name)).status === 200 ? true : undefined,
      );
    }
  }
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await Promise.all([home, far].map((one) => one.stop()));
});

function expose(cluster: string, name: string) {
  const path = `/v1/clusters/${cluster}/namespaces/default/exposures`;
  const wish = { name, service: "kubernetes", service_port: 443, pool: POOL };
  return berth.request("POST", path, wish);
}

interface Page {
  readonly exposures: readonly { readonly cluster: string; readonly name: string }[];
  readonly pools: readonly { readonly cluster: string; readonly name: string }[];
  readonly next_page_token?: string;
  readonly total_size?: number;
  readonly stale_clusters?: readonly { readonly cluster: string; readonly reason: string }[];
}
const read = async (path: string) => (await berth.request<Page>("GET", `/v1/clusters/-/${path}`)).body;
const all = CLUSTERS.flatMap((cluster) => ["a", "b", "c"].map((name) => `${cluster}/${name}`));

test("pages go over all clusters, and say which is not heard of", async () => {
  for (const size of [1, 2, 3, 4, 500]) {
    const seen: string[] = [];
    for (let token = ""; ;) {
      const page = await read(`exposures?pool=${POOL}&page_size=${String(size)}&page_token=${token}`);
      assert.equal(page.total_size, 6);
      assert.ok(page.exposures.length <= size);
      assert.deepEqual(
        page.stale_clusters?.map(({ cluster }) => cluster),
        ["dead"],
      );
      seen.push(...page.exposures.map(({ cluster, name }) => `${cluster}/${name}`));
      token = page.next_page_token ?? "";
      if (token === "") break;
    }
    assert.deepEqual(seen, all, `pages of ${String(size)}`);
  }
  const { pools, stale_clusters: stale } = await read("pools");
  assert.deepEqual(
    pools.filter(({ name }) => name === POOL).map(({ cluster }) => cluster),
    CLUSTERS,
  );
  assert.deepEqual(
    stale?.map(({ cluster }) => cluster),
    ["dead"],
  );
});

test("a watch tells of every cluster", async () => {
  const ending = new AbortController();
  const told: string[] = [];
  let isSynced = false;
  for await (const { event, data } of readEvents(`${berth.url}/v1/clusters/-/exposures:watch`, {}, ending.signal)) {
    const { cluster, name } = (data["exposure"] ?? {}) as { cluster?: string; name?: string };
    if (event === "synced") {
      assert.deepEqual(told.sort(), all);
      isSynced = true;
      void expose("far", "later");
    } else if (!isSynced) told.push(`${String(cluster)}/${String(name)}`);
    else if (cluster === "far" && name === "later") break;
  }
  ending.abort();
});

test("the command line names the clusters", async () => {
  const run = (words: string) => callCli(berth, [...words.split(" "), "--cluster", "-"]);
  const exposures = await run("exposures list -A --pool everywhere");
  assert.match(exposures.stdout, /^CLUSTER +NAME/);
  assert.match(exposures.stdout, /^far +a /m);
  assert.match(exposures.stdout, /^local +a /m);
  assert.match(exposures.stderr, /cluster "dead" is not heard of/);
  assert.match((await run("pools list")).stdout, /^far +everywhere /m);
});

test("what is not a list is of one cluster", async () => {
  refused(await berth.request("GET", "/v1/clusters/-/pools/everywhere"), 400, "INVALID_ARGUMENT", "cluster");
  refused(await expose("-", "x"), 400, "INVALID_ARGUMENT", "cluster");
  const token = Buffer.from("x").toString("base64url");
  refused(
    await berth.request("GET", `/v1/clusters/-/exposures?page_token=${token}`),
    400,
    "INVALID_ARGUMENT",
    "page_token",
  );
});

test("what was known of a cluster is listed when it is gone, with the time", async () => {
  await far.stop();
  const page = await eventually("it is noticed", async () => {
    const { exposures, stale_clusters: stale } = await read(`exposures?pool=${POOL}`);
    return stale?.some(({ cluster }) => cluster === "far") === true ? { exposures, stale } : undefined;
  });
  assert.ok(page.exposures.some(({ cluster }) => cluster === "far"));
  assert.ok("known_at" in (page.stale.find(({ cluster }) => cluster === "far") ?? {}));
});
