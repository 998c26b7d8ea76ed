import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { applyByHand, eventually, exposuresPath, makePool, makeService, untilReady } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";

let berth: TestBerth;
let exposures: string;

before(async () => {
  berth = await startTestBerth();
  exposures = exposuresPath(berth);
  await makeService(berth, "web");
});
after(() => berth[Symbol.asyncDispose]());

type Mixed = ExposureAnswer & { readonly code?: string; readonly detail?: string };
const create = (pool: string, name: string, more: object = {}) =>
  berth.request<Mixed>("POST", exposures, { service: "web", service_port: 80, pool, name, ...more });
const remove = (name: string) => berth.request("DELETE", `${exposures}/${name}`);

test("150 callers for 100 ports: 100 answers, 50 clear errors, and what is freed is found again", async () => {
  const pool = await makePool(berth, { from: 21_000, to: 21_099 });
  const names = Array.from({ length: 150 }, (_, index) => `c-${String(index)}`);
  const answers = await Promise.all(names.map((name) => create(pool.name, name)));
  const given = answers.filter(({ status }) => status === 200);
  const errors = answers.filter(({ status }) => status !== 200);
  assert.deepEqual([given.length, errors.length], [100, 50], JSON.stringify(errors[0]?.body));
  assert.equal(new Set(given.map(({ body }) => body.port)).size, 100);
  assert.ok(given.every(({ body }) => body.state === "EXPOSURE_STATE_READY"));
  for (const { status, body } of errors) {
    assert.deepEqual([status, body.code], [429, "POOL_EXHAUSTED"]);
    assert.match(body.detail ?? "", /100 ports on 1 addresses, \d+ exposed, \d+ reserved, \d+ resting, \d+ of others/);
  }
  assert.equal(Object.keys(await pool.entries()).length, 100);
  await eventually("the refused are gone", async () => {
    const { body } = await berth.request<{ total_size: number }>("GET", `${exposures}?pool=${pool.name}`);
    return body.total_size === 100 ? true : undefined;
  });
  // One by kubectl waits for a port, and gets the first that has rested.
  const place = { name: "waits", namespace: berth.namespace };
  await applyByHand(berth.kube, "Exposure", place, { service: { name: "web", port: 80 }, pool: pool.name });
  const path = `namespaces/${berth.namespace}/exposures/waits`;
  await untilReady(berth.kube, path, "POOL_EXHAUSTED");
  const freed = given.slice(0, 10).map(({ body }) => body);
  await Promise.all(freed.map(({ name }) => remove(name)));
  const waited = await untilReady(berth.kube, path);
  const ports = [waited.status?.port ?? 0];
  for (let index = 0; index < 9; index++) {
    const found = await eventually("a port is free again", async () => {
      const { status, body } = await create(pool.name, `again-${String(index)}`);
      return status === 200 ? body.port : undefined;
    });
    ports.push(found);
  }
  assert.deepEqual(new Set(ports), new Set(freed.map(({ port }) => port)));
});

test("a full address is followed by the pool's next one, by ports and by capacity", async () => {
  const pool = await makePool(berth, { from: 21_200, to: 21_204, addresses: 2 });
  const slots: string[] = [];
  for (let index = 0; index < 10; index++) slots.push((await create(pool.name, `spill-${String(index)}`)).body.slot);
  assert.deepEqual(slots, [
    ...Array<string>(5).fill(pool.slots[0] ?? ""),
    ...Array<string>(5).fill(pool.slots[1] ?? ""),
  ]);
  const small = await makePool(berth, { from: 21_300, to: 21_399, addresses: 2, capacity: 3 });
  const used = new Map<string, number>();
  for (let index = 0; index < 6; index++) {
    const { slot } = (await create(small.name, `small-${String(index)}`)).body;
    used.set(slot, (used.get(slot) ?? 0) + 1);
  }
  assert.deepEqual([...used.values()], [3, 3]);
  const { body } = await create(small.name, "small-6");
  assert.equal(body.code, "POOL_EXHAUSTED");
  assert.match(body.detail ?? "", new RegExp(`${small.slots[0] ?? ""} carries 3 at most`));
});

test("a port that is asked for is given, refused with who has it, or out of range", async () => {
  const pool = await makePool(berth, { from: 21_400, to: 21_499, addresses: 2 });
  const [first = "", second = ""] = pool.slots;
  const own = await create(pool.name, "own", { port: 21_402, address: first });
  assert.deepEqual([own.body.port, own.body.slot], [21_402, first]);
  const taken = await create(pool.name, "taken", { port: 21_402, address: first });
  refused(taken, 409, "PORT_TAKEN", "port");
  assert.match(taken.body.detail ?? "", new RegExp(`exposure ${berth.namespace}/own on ${first}`));
  const elsewhere = await create(pool.name, "elsewhere", { port: 21_402 });
  assert.equal(elsewhere.body.slot, second, "the other address has it");
  const byHost = await create(pool.name, "by-host", { address: `${second}.example.com` });
  assert.equal(byHost.body.slot, second);
  refused(await create(pool.name, "out", { port: 21_500 }), 400, "PORT_OUT_OF_RANGE", "port");
  refused(await create(pool.name, "nowhere", { address: "nowhere" }), 404, "ADDRESS_NOT_FOUND");
  refused(await create("no-such-pool", "never"), 404, "POOL_NOT_FOUND", "pool");
});

test("a reservation holds a port for its caller, is taken up, expires, and is given back", async () => {
  const pool = await makePool(berth, { from: 21_600, to: 21_619, reserved: 10 });
  interface Held {
    readonly id: string;
    readonly port: number;
    readonly endpoint: string;
  }
  const reserve = (more: object) => berth.request<Held>("POST", `${exposures}:reserve`, { pool: pool.name, ...more });
  const { body: held } = await reserve({ ttl: "60s" });
  assert.equal(held.endpoint, `${pool.slots[0] ?? ""}.example.com:${String(held.port)}`);
  const up = await create(pool.name, "up", { port: held.port });
  assert.deepEqual([up.status, up.body.port], [200, held.port], JSON.stringify(up.body));
  const { body: other } = await reserve({ ttl: "60s", port: 21_605 });
  refused(await reserve({ port: 21_605 }), 409, "PORT_TAKEN", "port");
  const named = await create(pool.name, "named", { reservation: other.id });
  assert.equal(named.body.port, 21_605);
  refused(await create(pool.name, "gone", { reservation: other.id }), 404, "RESERVATION_NOT_FOUND");
  const { body: short } = await reserve({ ttl: "1s", port: 21_606 });
  const place = { name: "after", namespace: berth.namespace };
  const spec = { service: { name: "web", port: 80 }, pool: pool.name, port: short.port };
  await applyByHand(berth.kube, "Exposure", place, spec);
  const path = `namespaces/${berth.namespace}/exposures/after`;
  const waits = await untilReady(berth.kube, path, "PORT_TAKEN");
  assert.match(waits.status?.conditions?.[0]?.message ?? "", /held by a reservation on .* until /);
  // It expires, rests, and is found.
  await untilReady(berth.kube, path);
  const { body: back } = await reserve({ port: 21_607 });
  const reservations = `/v1/clusters/local/namespaces/${berth.namespace}/reservations`;
  assert.equal((await berth.request("DELETE", `${reservations}/${back.id}`)).status, 200);
  refused(await berth.request("DELETE", `${reservations}/${back.id}`), 404, "RESERVATION_NOT_FOUND");
});
