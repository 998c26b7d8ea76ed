import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { systemClock } from "@berth/base";
import { ownTestCluster, testNamespace } from "@berth/devcluster";
import type { TestNamespace } from "@berth/devcluster";

import type { KubeClient } from "../client.ts";
import type { KubeObject } from "../object.ts";
import { deleteObject, getObject, updateObject } from "../requests.ts";
import { connectTo, openWire, seams, times } from "../testing.ts";
import { acquireLease } from "./acquire.ts";
import type { LeaseOptions } from "./types.ts";

const skip = process.env.BERTH_TEST_CLUSTER === undefined && "BERTH_TEST_CLUSTER names no cluster: run `npm test`";
const DURATION = 1_000;

let place: TestNamespace;
let client: KubeClient;
before(async () => {
  if (skip !== false) return;
  place = await testNamespace();
  client = await connectTo(place.kubeconfig);
});
after(async () => {
  await client?.close();
  await place?.[Symbol.asyncDispose]();
});

const never = new AbortController().signal;
function ask(name: string, holder: string, options: Partial<LeaseOptions> = {}, signal: AbortSignal = never) {
  const all = {
    client,
    namespace: place?.namespace ?? "default",
    name,
    holder,
    durationSeconds: 1,
    ...seams,
    ...options,
  };
  return acquireLease(all, signal);
}
const reference = (name: string) => ({
  resource: { group: "coordination.k8s.io", version: "v1", plural: "leases" },
  namespace: place.namespace,
  name,
});

test(
  "one of many gets it; it is renewed; given back, the next has it at once with a higher fence",
  { skip },
  async () => {
    const holders: number[] = [];
    let most = 0;
    await times(8, async (index) => {
      const lease = await ask("many", `h${index}`);
      most = Math.max(most, holders.push(lease.fence));
      await systemClock.sleep(50);
      holders.pop();
      await lease.release();
      assert.equal(lease.state(), "released");
      assert.ok(lease.signal.aborted);
    });
    assert.equal(most, 1);
    const lease = await ask("many", "last");
    assert.equal(lease.fence, 8);
    const first = lease.deadline();
    await systemClock.sleep(2 * DURATION);
    assert.equal(lease.state(), "held");
    assert.ok(lease.deadline() > first + DURATION);
    await assert.rejects(ask("many", "other", {}, AbortSignal.timeout(1_500)), { name: "TimeoutError" });
    await lease.release();
  },
);

test("a successor waits a whole lease, and by then the old holder's deadline has passed", { skip }, async () => {
  await using wire = await openWire((await connectionOf()).server);
  const cutOff = await connectTo(place.kubeconfig, wire.url);
  const old = await ask("takeover", "old", { client: cutOff });
  // Its wall clock is a day off: nobody looks at it.
  const skewed = { ...systemClock, now: () => Date.now() - 86_400_000 };
  const successor = ask("takeover", "new", { clock: skewed });
  await systemClock.sleep(1_500);
  assert.equal(old.state(), "held");
  wire.cut();
  const lost = performance.now();
  const taken = await successor;
  assert.ok(systemClock.monotonic() > old.deadline(), "two held it at once");
  assert.equal(old.state(), "lost");
  assert.equal((old.signal.reason as { code: string }).code, "HOLD_LOST");
  assert.ok(performance.now() - lost < 3 * DURATION);
  assert.equal(taken.fence, old.fence + 1);
  await old.release();
  assert.equal(taken.state(), "held");
  await taken.release();
  await cutOff.close();
});

test("an hour in the renewTime of somebody else's record changes nothing", { skip }, async () => {
  const lease = await ask("future", "a");
  await lease.release();
  const stored = await getObject<KubeObject>(client, reference("future"));
  const renewTime = new Date(Date.now() + 3_600_000).toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: "dead", leaseDurationSeconds: 1, renewTime, leaseTransitions: 7 };
  await updateObject(client, reference("future"), { ...stored, spec });
  const start = performance.now();
  const next = await ask("future", "b");
  const took = performance.now() - start;
  assert.ok(took >= DURATION && took < 4 * DURATION, `it took ${took} ms`);
  assert.equal(next.fence, 8);
  await next.release();
});

test("a wall clock that jumps by hours ends no hold and takes none from the living", { skip }, async () => {
  let jump = 0;
  const jumping = { ...systemClock, now: () => Date.now() + jump };
  const lease = await ask("jumps", "a", { clock: jumping });
  const contender = ask("jumps", "b", { clock: jumping }, AbortSignal.timeout(4 * DURATION));
  const refused = assert.rejects(contender, { name: "TimeoutError" });
  const renewed = new Set<number>();
  for (const hours of [6, -6, 48, -48, 0]) {
    jump = hours * 3_600_000;
    await systemClock.sleep((4 * DURATION) / 5);
    assert.equal(lease.state(), "held");
    renewed.add(lease.deadline());
  }
  await refused;
  assert.equal(renewed.size, 5, "it was renewed after each jump");
  await lease.release();
});

test("a lease that somebody else wrote or deleted is lost at the next renewal", { skip }, async () => {
  const written = await ask("written", "a");
  const stored = await getObject<KubeObject & { spec: object }>(client, reference("written"));
  await updateObject(client, reference("written"), { ...stored, spec: { ...stored!.spec, holderIdentity: "thief" } });
  const deleted = await ask("deleted", "a");
  await deleteObject(client, reference("deleted"));
  // The next renewal is due within a third of the duration; a busy machine was seen to take longer.
  for (let waited = 0; written.state() !== "lost" || deleted.state() !== "lost"; waited += 50) {
    assert.ok(waited < 10_000, `${written.state()}, ${deleted.state()}`);
    await systemClock.sleep(50);
  }
  await Promise.all([written.release(), deleted.release()]);
  assert.equal((await getObject(client, reference("deleted"))) === undefined, true, "not made again");
});

test("held over an API server that is away for a moment; asked for while it is away", async () => {
  await using cluster = await ownTestCluster();
  const own = await connectTo(cluster.kubeconfig);
  const long = { client: own, namespace: "default", durationSeconds: 30 };
  const lease = await ask("outage", "a", { ...long, backoff: { initial: 50, max: 200 } });
  const first = lease.deadline();
  await cluster.components["kube-apiserver"].stop();
  const other = ask("other", "a", long);
  await systemClock.sleep(500);
  await cluster.components["kube-apiserver"].start();
  await cluster.ready();
  const acquired = await other;
  assert.equal(lease.state(), "held");
  while (lease.deadline() === first) await systemClock.sleep(50);
  assert.equal(lease.state(), "held");
  await Promise.all([lease.release(), acquired.release()]);
  await own.close();
});

async function connectionOf() {
  const { loadKubeconfig } = await import("../kubeconfig.ts");
  return loadKubeconfig(place.kubeconfig);
}
