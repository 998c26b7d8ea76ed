import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { systemClock } from "@berth/base";
import type { Clock } from "@berth/base";
import { testNamespace } from "@berth/devcluster";
import type { TestNamespace } from "@berth/devcluster";

import type { KubeClient } from "../client.ts";
import { fromStatus } from "../errors.ts";
import { loadKubeconfig } from "../kubeconfig.ts";
import { collectionPath } from "../object.ts";
import type { KubeObject } from "../object.ts";
import { createObject, deleteObject } from "../requests.ts";
import { configMaps, connectTo, openWire, replay, seams, times, truth } from "../testing.ts";
import type { Replay } from "../testing.ts";
import { createInformer } from "./informer.ts";
import type { InformerOptions } from "./types.ts";

/*
 * An API server that is neither well nor gone: connections that hang, a line on
 * which hardly anything comes through, more than there is room for.
 */

const skip = process.env.BERTH_TEST_CLUSTER === undefined && "BERTH_TEST_CLUSTER names no cluster: run `npm test`";
/** From an API server that answers to a cache that is true, in milliseconds. */
const CONVERGENCE = 5_000;

let place: TestNamespace;
let client: KubeClient;
let server: string;
before(async () => {
  if (skip !== false) return;
  place = await testNamespace();
  client = await connectTo(place.kubeconfig);
  ({ server } = await loadKubeconfig(place.kubeconfig));
});
after(async () => {
  await client?.close();
  await place?.[Symbol.asyncDispose]();
});

const where = () => ({ resource: configMaps, namespace: place.namespace });
const write = (name: string, labels: Record<string, string> = {}) =>
  createObject<KubeObject>(client, where(), { metadata: { name, labels } });
const remove = (name: string) => deleteObject(client, { ...where(), name });
/** A way to the API server by another address. */
const by = (url: string) => connectTo(place.kubeconfig, url);

function informerOf(options: Partial<InformerOptions<KubeObject>> = {}) {
  const all = { client, ...where(), metadataOnly: true, transform: (object: KubeObject) => object, ...seams };
  const informer = createInformer<KubeObject>({ ...all, ...options });
  return Object.assign(informer, { [Symbol.asyncDispose]: () => informer.stop() });
}

/** A clock on which everything takes a part of its time. */
const hasty = (times: number): Clock => ({
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * times,
  sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
});

async function until(isSo: () => boolean, ms: number, what: string): Promise<number> {
  const start = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - start < ms, `in time: ${what}`);
    await systemClock.sleep(5);
  }
  return performance.now() - start;
}

async function converge(told: Replay, selector = ""): Promise<void> {
  const query = selector === "" ? "" : `?labelSelector=${encodeURIComponent(selector)}`;
  const expected = await truth(client, collectionPath(configMaps, place.namespace) + query);
  const isTrue = () =>
    expected.size === told.state.size && [...expected].every(([key, version]) => told.state.get(key) === version);
  await until(isTrue, CONVERGENCE, "the cache is true");
  assert.deepEqual(told.faults, []);
}

test("a silent watch of an API server that answers nothing is noticed by its pulse", { skip }, async () => {
  await using wire = await openWire(server);
  const frozen = await by(wire.url);
  await using informer = informerOf({ client: frozen, pulseMs: 300 });
  const told = replay(informer);
  informer.start();
  await until(() => informer.state().name === "synced", 10_000, "it is synced");
  await systemClock.sleep(1_000);
  assert.equal(informer.state().name, "synced", "a pulse that is there breaks nothing");
  wire.freeze();
  await write("unheard");
  await until(() => informer.state().name === "reconnecting", 8_000, "the silence is noticed");
  // What hangs goes on hanging: its bytes are lost. What is asked from now on is answered.
  await systemClock.sleep(3_000);
  wire.mend();
  await converge(told);
  await until(() => informer.state().name === "synced", 1_000, "it is synced again");
  await informer.stop();
  await frozen.close();
});

test("a first list that hangs is asked for again beside the one that hangs", { skip }, async () => {
  await using wire = await openWire(server);
  wire.freeze();
  const frozen = await by(wire.url);
  await using informer = informerOf({ client: frozen });
  const told = replay(informer);
  informer.start();
  await systemClock.sleep(500);
  wire.mend();
  await converge(told);
  await informer.stop();
  await frozen.close();
});

test(
  "over a line on which a list takes longer than its silence may last, it is read all the same",
  { skip },
  async () => {
    await times(150, (index) => write(`slow-${index}`, { slow: "true" }));
    await using wire = await openWire(server);
    const slow = await by(wire.url);
    // Thirty seconds of silence are two, and of those it takes some: a streaming list, and none other.
    let pages = 0;
    const counted: KubeClient = {
      ...slow,
      request: (asked) => {
        if (asked.query?.limit !== undefined) pages++;
        return slow.request(asked);
      },
    };
    await using informer = informerOf({ client: counted, labelSelector: "slow=true", clock: hasty(15) });
    const told = replay(informer);
    await slow.version();
    wire.throttle(20_000);
    const start = performance.now();
    informer.start();
    await informer.synced(AbortSignal.timeout(30_000));
    assert.ok(performance.now() - start > 2_500, "the line was slow");
    assert.equal(pages, 0);
    assert.equal(informer.size(), 150);
    wire.throttle(Infinity);
    await converge(told, "slow=true");
    await informer.stop();
    await slow.close();
  },
);

for (const when of ["at the start", "while it follows"] as const) {
  test(`more than there is room for ${when}: it says so, and takes all in once there is room`, { skip }, async () => {
    const label = when.replaceAll(" ", "-");
    const make = (index: number) => write(`full-${label}-${index}`, { full: label });
    await times(4, make);
    if (when === "at the start") await times(2, (index) => make(4 + index));
    await using informer = informerOf({ labelSelector: `full=${label}`, maxObjects: 5 });
    await using other = informerOf({ labelSelector: `full=${label}` });
    const told = replay(informer);
    informer.start();
    other.start();
    if (when === "while it follows") {
      await until(() => informer.state().name === "synced", 5_000, "it is synced");
      await times(2, (index) => make(4 + index));
    }
    await until(() => informer.state().name === "full", 5_000, "it is full");
    const state = informer.state();
    assert.ok(state.name === "full" && state.limit === 5 && /more than 5 configmaps/.test(state.error));
    assert.ok(informer.size() <= 5);
    await systemClock.sleep(2_500);
    assert.deepEqual(informer.state(), state, "it stays so, and since then");
    await remove(`full-${label}-0`);
    await until(() => informer.state().name === "synced", CONVERGENCE, "it is synced again");
    await converge(told, `full=${label}`);
    assert.equal(informer.size(), other.size());
  });
}

test("an API server that asks to wait for a day is asked again in half a minute", { skip }, async () => {
  let refused = 0;
  const busy: KubeClient = {
    ...client,
    stream: (asked) => (refused++ < 2 ? Promise.reject(fromStatus(429, {}, "86400")) : client.stream(asked)),
  };
  await using informer = informerOf({ client: busy, clock: hasty(30) });
  informer.start();
  await informer.synced(AbortSignal.timeout(10_000));
});
