import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { followClaims } from "./support/claim-history.ts";
import { eventually, exposuresPath, makePool, makeService } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";
import { startReplica } from "./support/replica.ts";
import type { ReplicaProcess } from "./support/replica.ts";

/** Exposures made in all; 10,000 in a soak. */
const COUNT = Number(process.env.BERTH_EXPOSURES ?? 400);
const CALLERS = 32;
/** How long all of it may take, in milliseconds: it counts as hung then. */
const LIMIT = 120_000 + COUNT * 300;

let berth: TestBerth;
const replicas: ReplicaProcess[] = [];

before(async () => {
  berth = await startTestBerth();
  await makeService(berth, "web");
});
after(async () => {
  for (const replica of replicas) await replica.stop().catch(() => undefined);
  await berth[Symbol.asyncDispose]();
});

test(`three replicas make and delete ${String(COUNT)} exposures, one of them killed now and then: no port is given twice, none leaks`, async () => {
  const start = performance.now();
  const pool = await makePool(berth, {
    from: 23_000,
    to: 23_000 + Math.max(150, COUNT / 10),
    restSeconds: 1,
    addresses: 2,
  });
  await using history = await followClaims(berth.kube, pool.name);
  for (let index = 0; index < 3; index++) replicas.push(await startReplica(berth.kubeconfig, berth.home));
  let [next, made, deleted, full, lost] = [0, 0, 0, 0, 0];
  const alive = new Set<string>();
  const lies: string[] = [];
  const send = async (method: string, path: string, body?: object) => {
    const replica = replicas[Math.floor(Math.random() * replicas.length)] as ReplicaProcess;
    const init = {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "content-type": "application/json" },
    };
    return fetch(replica.url + path, init).then(
      async (answer) => ({ status: answer.status, body: (await answer.json()) as ExposureAnswer & { code?: string } }),
      () => undefined,
    );
  };
  const path = exposuresPath(berth);
  const caller = async () => {
    while (next < COUNT) {
      const name = `r-${String(next++)}`;
      const answer = await send("POST", path, { service: "web", service_port: 80, pool: pool.name, name });
      // Whether a request that was cut off came through is not known: what it made is found below.
      if (answer === undefined) lost++;
      else if (answer.status === 200) {
        made++;
        alive.add(name);
        if (answer.body.state === "EXPOSURE_STATE_READY" && answer.body.port === 0) lies.push(name);
      } else if (answer.body.code === "POOL_EXHAUSTED") full++;
      else if (answer.status !== 503) lies.push(`${name}: ${JSON.stringify(answer.body)}`);
      const [victim] = alive;
      if (alive.size > 40 + Math.random() * 40 && victim !== undefined) {
        alive.delete(victim);
        if ((await send("DELETE", `${path}/${victim}`))?.status === 200) deleted++;
      }
    }
  };
  const killer = async () => {
    for (const at of [0.3, 0.6]) {
      while (next < COUNT * at) await new Promise((resolve) => setTimeout(resolve, 20));
      const index = Math.floor(Math.random() * replicas.length);
      await (replicas[index] as ReplicaProcess).kill();
      replicas[index] = await startReplica(berth.kubeconfig, berth.home);
    }
  };
  await Promise.all([killer(), ...Array.from({ length: CALLERS }, caller)]);
  assert.deepEqual(lies, []);
  assert.ok(
    made + full + lost >= COUNT * 0.9,
    `${String(made)} made, ${String(full)} found the pool full, ${String(lost)} cut off`,
  );
  // Up to 80 stay, and of two replicas that are killed each has a few in hand.
  assert.ok(deleted > COUNT / 4, `${String(deleted)} deleted`);
  // What is left is exactly what its exposures have: no claim without an exposure, no entry without a claim.
  const left = await eventually(
    "claims, exposures and entries are the same",
    async () => {
      const { items } = (await berth.object<{ items: Made[] }>(
        "apis/berth.dev/v1alpha1/namespaces/{ns}/exposures",
      )) ?? { items: [] };
      const wanted = items
        .map(({ status }) => `${status?.claim?.slot ?? ""}.tcp.${String(status?.claim?.port)}`)
        .sort();
      const claims = (await pool.claims()).map(({ metadata }) => metadata.name).sort();
      const entries = await Promise.all(
        pool.slots.map(async (slot) => Object.keys(await pool.entries(slot)).map((port) => `${slot}.tcp.${port}`)),
      );
      const isSame =
        JSON.stringify(wanted) === JSON.stringify(claims) &&
        JSON.stringify(entries.flat().sort()) === JSON.stringify(claims);
      return isSame ? claims.length : undefined;
    },
    90_000,
  );
  assert.ok(left > 0);
  assert.deepEqual(history.faults, []);
  assert.ok(history.taken() >= made, "the reader has seen all of it");
  assert.ok(performance.now() - start < LIMIT, `took ${String(Math.round(performance.now() - start))} ms`);
});

interface Made {
  readonly status?: { readonly claim?: { readonly slot: string; readonly port: number } };
}
