import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { systemClock } from "@berth/base";
import { compactEtcd, ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import type { KubeClient, KubeRequest } from "../client.ts";
import { collectionPath } from "../object.ts";
import type { KubeObject } from "../object.ts";
import { createObject, deleteObject, updateObject } from "../requests.ts";
import { configMaps, connectTo, openWire, replay, seams, times, truth } from "../testing.ts";
import { createInformer } from "./informer.ts";
import type { InformerOptions } from "./types.ts";

const namespace = "default";
const where = { resource: configMaps, namespace };
const path = collectionPath(configMaps, namespace);
/** From an API server that answers to a cache that is true, in milliseconds. */
const CONVERGENCE = 5_000;

let cluster: DevCluster;
let client: KubeClient;
before(async () => {
  cluster = await ownTestCluster();
  client = await connectTo(cluster.kubeconfig);
});
after(async () => {
  await client?.close();
  await cluster?.stop();
});

const write = (name: string, text: string) =>
  createObject<KubeObject>(client, where, { metadata: { name }, data: { text } });
const change = (name: string, text: string) =>
  updateObject<KubeObject>(client, { ...where, name }, { metadata: { name }, data: { text } });
const remove = (name: string) => deleteObject(client, { ...where, name });

function informerOf(by: KubeClient, options: Partial<InformerOptions<KubeObject>> = {}) {
  const states: string[] = [];
  const informer = createInformer<KubeObject>({
    client: by,
    ...where,
    metadataOnly: true,
    transform: (object) => object,
    onState: (state) => states.push(state.name),
    ...seams,
    ...options,
  });
  return Object.assign(informer, { states, [Symbol.asyncDispose]: () => informer.stop() });
}

/** Waits until what was told is what a LIST says, and gives the milliseconds it took. */
async function converge(told: Map<string, string>): Promise<number> {
  const start = performance.now();
  for (;;) {
    const expected = await truth(client, path);
    const isTrue = expected.size === told.size && [...expected].every(([key, version]) => told.get(key) === version);
    const took = performance.now() - start;
    if (isTrue) return took;
    if (took > 2 * CONVERGENCE) {
      assert.deepEqual(new Map([...told].sort()), new Map([...expected].sort()));
    }
    await systemClock.sleep(20);
  }
}

async function restartApiServer(signal?: NodeJS.Signals): Promise<void> {
  await cluster.components["kube-apiserver"].restart(signal);
  await cluster.ready();
}

/** The first thing a watch from a resourceVersion says. */
async function firstOfWatch(resourceVersion: string): Promise<string> {
  try {
    for await (const chunk of await client.stream({ path, query: { watch: "true", resourceVersion } })) {
      return chunk.toString();
    }
    return "nothing";
  } catch (error) {
    return String(error);
  }
}

test("an API server that stops, is killed and comes back: nothing lost, nothing doubled", async () => {
  await using informer = informerOf(client);
  const told = replay(informer);
  informer.start();
  await informer.synced(AbortSignal.timeout(10_000));
  let isWriting = true;
  const writer = async (name: string) => {
    for (let round = 0; isWriting; round++) {
      const step = [() => write(name, "1"), () => change(name, String(round)), () => remove(name)][round % 3];
      await step?.().catch(() => undefined);
      await systemClock.sleep(10);
    }
  };
  const writers = Array.from({ length: 8 }, (_, index) => writer(`storm-${index}`));
  for (const signal of ["SIGTERM", "SIGKILL", "SIGKILL"] as const) {
    await systemClock.sleep(500);
    await restartApiServer(signal);
  }
  await systemClock.sleep(500);
  isWriting = false;
  await Promise.all(writers);
  const took = await converge(told.state);
  assert.ok(took < CONVERGENCE, `it took ${took} ms`);
  assert.deepEqual(told.faults, []);
  assert.ok(informer.states.includes("reconnecting"));
  assert.equal(informer.states.at(-1), "synced");
});

test("a wire that breaks is taken up where it broke, without a list", async () => {
  await using wire = await openWire(cluster.server);
  const cutOff = await connectTo(cluster.kubeconfig, wire.url);
  const asked: string[] = [];
  const counted: KubeClient = {
    ...cutOff,
    stream(request) {
      asked.push(request.query?.sendInitialEvents === "true" ? "list" : "watch");
      return cutOff.stream(request);
    },
  };
  await using informer = informerOf(counted);
  const told = replay(informer);
  informer.start();
  while (informer.state().name !== "synced") await systemClock.sleep(5);
  for (let round = 0; round < 3; round++) {
    wire.cut();
    while (informer.state().name !== "reconnecting") await systemClock.sleep(5);
    await write(`while-cut-${round}`, "1");
    await remove(`while-cut-${round - 1}`);
    wire.mend();
    assert.ok((await converge(told.state)) < CONVERGENCE);
  }
  assert.deepEqual(told.faults, []);
  assert.equal(asked.filter((kind) => kind === "list").length, 1);
  assert.ok(asked.length >= 5);
  await informer.stop();
  await cutOff.close();
});

test("forgotten by a compaction while it was cut off: the difference is told and nothing else", async () => {
  await using wire = await openWire(cluster.server);
  const cutOff = await connectTo(cluster.kubeconfig, wire.url);
  await using informer = informerOf(cutOff);
  for (const name of ["stays", "changes", "goes", "replaced"]) await write(name, "1");
  const told = replay(informer);
  informer.start();
  await informer.synced(AbortSignal.timeout(10_000));
  const before = informer.resourceVersion();
  told.events.length = 0;

  wire.cut();
  while (informer.state().name !== "reconnecting") await systemClock.sleep(5);
  await change("changes", "2");
  await remove("goes");
  await remove("replaced");
  await write("replaced", "2");
  await write("new", "1");
  await write("passing", "1");
  await remove("passing");
  await compactEtcd(cluster);
  await restartApiServer();
  assert.equal(informer.state().name, "reconnecting");
  assert.ok(informer.get("default/goes"), "what it knew can be read meanwhile");
  assert.match(await firstOfWatch(before), /too old resource version|Expired/, "the API server has forgotten");
  wire.mend();
  assert.ok((await converge(told.state)) < CONVERGENCE);
  assert.deepEqual(told.events.sort(), [
    "added default/new",
    "added default/replaced",
    "deleted default/goes",
    "deleted default/replaced",
    "modified default/changes",
  ]);
  assert.deepEqual(told.faults, []);
  await informer.stop();
  await cutOff.close();
});

test("a wire that is dead but open is noticed by its silence", async () => {
  await using wire = await openWire(cluster.server);
  const frozen = await connectTo(cluster.kubeconfig, wire.url);
  await using informer = informerOf(frozen, { silenceMs: 700 });
  const told = replay(informer);
  informer.start();
  await informer.synced(AbortSignal.timeout(10_000));
  while (informer.state().name !== "synced") await systemClock.sleep(5);
  wire.freeze();
  await write("unheard", "1");
  await systemClock.sleep(100);
  assert.equal(told.state.has("default/unheard"), false);
  while (informer.state().name !== "reconnecting") await systemClock.sleep(5);
  assert.match(JSON.stringify(informer.state()), /silent/);
  // Nothing answers, and nothing refuses: each try has to be given up.
  await systemClock.sleep(2_000);
  wire.cut();
  wire.mend();
  assert.ok((await converge(told.state)) < CONVERGENCE);
  assert.deepEqual(told.faults, []);
  await informer.stop();
  await frozen.close();
});

test("a list the API server forgets between two pages is begun anew", async () => {
  await times(30, (index) => write(`page-${index}`, "1"));
  let pages = 0;
  const between: KubeClient = {
    ...client,
    async request<T>(asked: KubeRequest) {
      if (asked.query?.limit !== undefined && ++pages === 2) {
        await remove("page-3");
        await write("page-30", "1");
        await compactEtcd(cluster);
        await restartApiServer();
      }
      return client.request<T>(asked);
    },
  };
  await using informer = informerOf(between, { streamingList: false, pageSize: 10 });
  const told = replay(informer);
  informer.start();
  await informer.synced(AbortSignal.timeout(60_000));
  assert.ok((await converge(told.state)) < CONVERGENCE);
  assert.deepEqual(told.faults, []);
  assert.ok(!told.state.has("default/page-3") && told.state.has("default/page-30"));
  while (informer.state().name !== "synced") await systemClock.sleep(5);
  const whole = Math.ceil(informer.size() / 10);
  assert.equal(pages, whole + 2, "one good page, one refused, then all of them");
  assert.deepEqual(informer.states, ["starting", "synced"]);
});
