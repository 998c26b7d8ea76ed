import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { systemClock } from "@berth/base";
import { testNamespace } from "@berth/devcluster";
import type { TestNamespace } from "@berth/devcluster";

import type { KubeClient } from "../client.ts";
import { collectionPath } from "../object.ts";
import type { KubeObject } from "../object.ts";
import { applyObject, createObject, deleteObject, updateObject } from "../requests.ts";
import { configMaps, connectTo, replay, seams, times, truth } from "../testing.ts";
import { createInformer } from "./informer.ts";
import type { InformerOptions } from "./types.ts";

const OBJECTS = 1_200;
const skip = process.env.BERTH_TEST_CLUSTER === undefined && "BERTH_TEST_CLUSTER names no cluster: run `npm test`";

let place: TestNamespace;
let client: KubeClient;
let path: string;
before(async () => {
  if (skip !== false) return;
  place = await testNamespace();
  client = await connectTo(place.kubeconfig);
  path = collectionPath(configMaps, place.namespace);
  await times(OBJECTS, (index) =>
    createObject(client, where(), {
      metadata: { name: `many-${index}`, labels: { many: "true", group: `g${index % 10}` } },
      data: { text: "x".repeat(100) },
    }),
  );
});
after(async () => {
  await client?.close();
  await place?.[Symbol.asyncDispose]();
});

const where = () => ({ resource: configMaps, namespace: place.namespace });
const named = (name: string) => ({ ...where(), name });

function informerOf(options: Partial<InformerOptions<KubeObject>> = {}) {
  const all = { client, ...where(), transform: (object: KubeObject) => object, ...seams, ...options };
  const informer = createInformer<KubeObject>(all);
  return Object.assign(informer, { [Symbol.asyncDispose]: () => informer.stop() });
}

for (const streamingList of [true, false]) {
  test(`holds what a LIST says, by ${streamingList ? "a streaming list" : "pages"}`, { skip }, async () => {
    await using informer = informerOf({
      labelSelector: "many=true",
      metadataOnly: true,
      streamingList,
      indexes: { group: (object) => [object.metadata.labels?.group ?? ""] },
    });
    const told = replay(informer);
    assert.equal(informer.state().name, "idle");
    assert.equal(informer.hasSynced(), false);
    informer.start();
    await informer.synced(AbortSignal.timeout(30_000));
    const expected = await truth(client, `${path}?labelSelector=many%3Dtrue`);
    assert.equal(expected.size, OBJECTS);
    assert.equal(informer.size(), OBJECTS);
    assert.deepEqual(new Map([...told.state].sort()), new Map([...expected].sort()));
    assert.deepEqual(told.faults, []);
    assert.equal(informer.byIndex("group", "g3").length, OBJECTS / 10);
    assert.deepEqual(informer.byIndex("group", "none"), []);
    const [object] = informer.list();
    assert.deepEqual(
      Object.keys(object!).filter((key) => !["apiVersion", "kind", "metadata"].includes(key)),
      [],
    );
  });
}

test("pages of an odd size, and an empty list of either kind", { skip }, async () => {
  await using paged = informerOf({ labelSelector: "many=true", streamingList: false, pageSize: 99 });
  await using nothing = informerOf({ labelSelector: "none=none", streamingList: false, metadataOnly: true });
  await using empty = informerOf({ labelSelector: "none=none", metadataOnly: true });
  for (const informer of [paged, nothing, empty]) {
    informer.start();
    await informer.synced(AbortSignal.timeout(30_000));
  }
  assert.equal(paged.size(), OBJECTS);
  assert.equal(nothing.size() + empty.size(), 0);
});

test("tells what is added, changed, deleted, and what leaves the selector", { skip }, async () => {
  await using informer = informerOf({ labelSelector: "tell=true" });
  informer.start();
  await informer.synced(AbortSignal.timeout(30_000));
  const told = replay(informer);
  const body = (labels: Record<string, string>, text: string) => ({
    metadata: { name: "told", labels },
    data: { text },
  });
  await createObject(client, where(), body({ tell: "true" }, "1"));
  await updateObject(client, named("told"), body({ tell: "true" }, "2"));
  await updateObject(client, named("told"), body({ tell: "false" }, "3"));
  const back = await updateObject<KubeObject>(client, named("told"), body({ tell: "true" }, "4"));
  assert.equal(await informer.waitFor(back.metadata.resourceVersion!, 2_000), true);
  assert.deepEqual(informer.get(`${place.namespace}/told`), back);
  await deleteObject(client, named("told"));
  while (told.events.length < 5) await systemClock.sleep(5);
  const kinds = told.events.map((event) => event.split(" ")[0]);
  assert.deepEqual(kinds, ["added", "modified", "deleted", "added", "deleted"]);
  assert.deepEqual(told.faults, []);
});

test("reads its own writes in time, also those of another resource and where nothing is told", { skip }, async () => {
  const secrets = { group: "", version: "v1", plural: "secrets" };
  await using own = informerOf({ labelSelector: "fresh=true" });
  await using other = informerOf({ resource: secrets, labelSelector: "fresh=true", metadataOnly: true });
  await using large = informerOf({ labelSelector: "many=true", metadataOnly: true });
  for (const informer of [own, other, large]) {
    informer.start();
    await informer.synced(AbortSignal.timeout(30_000));
  }
  for (let round = 0; round < 5; round++) {
    const metadata = { name: `fresh-${round}`, labels: { fresh: "true" } };
    const { metadata: stored } = await createObject<KubeObject>(client, where(), { metadata });
    for (const informer of [own, other, large]) {
      assert.equal(await informer.waitFor(stored.resourceVersion!, 2_000), true);
    }
    assert.ok(own.get(`${place.namespace}/fresh-${round}`));
  }
});

test("a version that is not there yet is waited for, and no longer than asked", { skip }, async () => {
  await using informer = informerOf({ labelSelector: "many=true" });
  assert.equal(await informer.waitFor("1", 20), false, "before the start");
  informer.start();
  await informer.synced(AbortSignal.timeout(30_000));
  const start = performance.now();
  assert.equal(await informer.waitFor("9".repeat(18), 500), false);
  assert.ok(performance.now() - start < 2_000);
  assert.equal(informer.state().name, "synced");
  await assert.rejects(informer.waitFor("abc", 10), { code: "INVALID_ARGUMENT" });
  await assert.rejects(informer.waitFor("9".repeat(18), 60_000, AbortSignal.timeout(20)), { name: "TimeoutError" });
});

test("neither a listener nor an object that fails hinders the others", { skip }, async () => {
  await using informer = informerOf({
    labelSelector: "many=true",
    transform(object) {
      if (object.metadata.name === "many-7") throw new Error("cannot be kept");
      return object.metadata.name === "many-8" ? undefined : object;
    },
  });
  informer.onChange(() => {
    throw new Error("listener");
  });
  const told = replay(informer);
  informer.start();
  await informer.synced(AbortSignal.timeout(30_000));
  assert.equal(informer.size(), OBJECTS - 2);
  assert.equal(told.state.size, OBJECTS - 2);
});

test("says what hinders it, and stops for good", { skip }, async () => {
  const states: string[] = [];
  await using limited = informerOf({ maxObjects: 10, onState: (state) => states.push(state.name) });
  limited.start();
  while (limited.state().name !== "full") await systemClock.sleep(5);
  assert.match(JSON.stringify(limited.state()), /more than 10 configmaps/);
  await limited.stop();
  await assert.rejects(limited.synced(), { code: "UNAVAILABLE" });
  assert.deepEqual([states[0], states.at(-1)], ["starting", "stopped"]);

  await using unknown = informerOf({ resource: { group: "berth.dev", version: "v1", plural: "nothing" } });
  unknown.start();
  await assert.rejects(unknown.synced(AbortSignal.timeout(300)), { name: "TimeoutError" });
  assert.equal(unknown.state().name, "reconnecting");
});

test(
  "server-side apply: twice the same is no change, another manager conflicts unless it forces",
  { skip },
  async () => {
    const body = (text: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "applied", labels: { applied: "true" } },
      data: { text },
    });
    const first = await applyObject<KubeObject>(client, named("applied"), body("1"), { fieldManager: "one" });
    const again = await applyObject<KubeObject>(client, named("applied"), body("1"), { fieldManager: "one" });
    assert.equal(again.metadata.resourceVersion, first.metadata.resourceVersion);
    const two = { fieldManager: "two" };
    await assert.rejects(applyObject(client, named("applied"), body("2"), two), { code: "APPLY_CONFLICT" });
    const forced = await applyObject<KubeObject>(client, named("applied"), body("2"), { ...two, force: true });
    assert.equal((forced as KubeObject & { data: { text: string } }).data.text, "2");
    const unknown = { ...body("2"), spec: {} };
    await assert.rejects(applyObject(client, named("applied"), unknown, two), { code: "CLUSTER_REFUSED" });
  },
);
