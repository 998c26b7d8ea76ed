import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import {
  applyByHand,
  eventually,
  exposuresPath,
  makePool,
  makeService,
  stored,
  untilReady,
} from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";

let berth: TestBerth;
let exposures: string;

before(async () => {
  berth = await startTestBerth();
  exposures = exposuresPath(berth);
  await makeService(berth, "web");
});
after(() => berth[Symbol.asyncDispose]());

const ask = <T = ExposureAnswer>(method: string, path: string, body?: unknown) => berth.request<T>(method, path, body);

async function made(body: object): Promise<ExposureAnswer> {
  const { status, body: exposure } = await ask("POST", exposures, body);
  assert.equal(status, 200, JSON.stringify(exposure));
  return exposure;
}

test("a service gets a port, its entry is stored, and it goes with the exposure and rests", async () => {
  const pool = await makePool(berth, { from: 20_000, to: 20_099 });
  const one = await made({ service: "web", service_port: 80, pool: pool.name });
  assert.deepEqual([one.name, one.state, one.slot], ["web-80", "EXPOSURE_STATE_READY", pool.slots[0]]);
  assert.equal(one.endpoint, `${pool.slots[0] ?? ""}.example.com:${String(one.port)}`);
  assert.ok(one.port >= 20_016 && one.port <= 20_099, "not of the reserved band");
  assert.deepEqual(await pool.entries(), { [String(one.port)]: `${berth.namespace}/web:80` });
  const again = await made({ service: "web", service_port: 80, pool: pool.name });
  assert.equal(again.port, one.port, "asking again gives what there is");
  const other = await ask<Record<string, unknown>>("POST", exposures, {
    service: "web",
    service_port: 53,
    name: "web-80",
    pool: pool.name,
  });
  refused(other, 409, "EXPOSURE_EXISTS", "name");
  const list = await ask<{ exposures: ExposureAnswer[]; total_size: number }>("GET", `${exposures}?pool=${pool.name}`);
  assert.deepEqual([list.body.total_size, list.body.exposures[0]?.endpoint], [1, one.endpoint]);
  assert.equal((await ask("DELETE", `${exposures}/web-80`)).status, 200);
  assert.deepEqual(await pool.entries(), {});
  const resting = (await pool.claims())[0];
  assert.ok(resting?.status?.releasedAt, "it rests");
  await eventually("the claim is gone", async () => ((await pool.claims()).length === 0 ? true : undefined));
  refused(await ask<Record<string, unknown>>("GET", `${exposures}/web-80`), 404, "EXPOSURE_NOT_FOUND", "name");
});

test("TCP and UDP get the same number", async () => {
  const pool = await makePool(berth, { udp: true });
  const protocols = ["PROTOCOL_TCP", "PROTOCOL_UDP"];
  const both = await made({ service: "web", service_port: 53, protocols, pool: pool.name, name: "both" });
  const key = String(both.port);
  assert.deepEqual(await pool.entries(), { [key]: `${berth.namespace}/web:53` });
  assert.deepEqual(await pool.entries(undefined, "udp"), { [key]: `${berth.namespace}/web:53` });
  const names = (await pool.claims()).map(({ metadata }) => metadata.name).sort();
  assert.deepEqual(names, [`${both.slot}.tcp.${key}`, `${both.slot}.udp.${key}`]);
});

test("kubectl apply alone suffices, and a service that comes later is exposed then", async () => {
  const pool = await makePool(berth);
  const place = { name: "by-hand", namespace: berth.namespace };
  await applyByHand(berth.kube, "Exposure", place, { service: { name: "later", port: "http" }, pool: pool.name });
  const path = `namespaces/${berth.namespace}/exposures/by-hand`;
  const waiting = await untilReady(berth.kube, path, "SERVICE_NOT_FOUND");
  assert.ok(waiting.status?.claim, "its port is known already");
  await makeService(berth, "later");
  const ready = await untilReady(berth.kube, path);
  assert.deepEqual(ready.status?.claim, waiting.status?.claim);
  assert.deepEqual(await pool.entries(), { [String(ready.status?.port)]: `${berth.namespace}/later:80` });
  await berth.kube.request({ method: "DELETE", path: `/apis/berth.dev/v1alpha1/${path}` });
  await eventually("it is gone", async () => ((await stored(berth.kube, path)) === undefined ? true : undefined));
  assert.deepEqual(await pool.entries(), {});
});
