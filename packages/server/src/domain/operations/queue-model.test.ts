import assert from "node:assert/strict";
import { test } from "node:test";

import type { Clock } from "@berth/base";
import type { KubeRequest } from "@berth/kube";
import fc from "fast-check";

import { accept, isOver, put } from "./accept.ts";
import { hasEnded } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import { toQueue } from "./store/cache.ts";
import { queueName } from "./store/names.ts";
import { createHomeWrites } from "./store/writes.ts";
import { ApiModel } from "./testing.ts";
import type { View } from "./testing.ts";
import { claimHead, claimKnown } from "./work/claims.ts";
import type { Claim } from "./work/claims.ts";
import { createSlots } from "./work/slots.ts";
import type { Slot } from "./work/slots.ts";

const TARGET = { cluster: "local", namespace: "team", name: "web" };
const QUEUE = queueName(TARGET);
const LEASE = 12_000;
const LIMITS = { active: 9, running: 9, perCluster: 9, perTenant: 9 };
const START = Date.parse("2026-01-01T00:00:00.000Z");

/** What goes wrong while one is accepted: nothing, its caller's replica before a write, or another one is slow. */
type Trouble = "" | "no place" | "no operation" | "slow";
type Step =
  | { readonly do: "ask"; readonly replica: number; readonly trouble: Trouble }
  | { readonly do: "look" | "end" | "die" | "sweep"; readonly replica: number }
  | { readonly do: "hear"; readonly replica: number; readonly plural: string; readonly changes: number }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "jump"; readonly ms: number };

/** A home: its API server, its time, its replicas, and what was promised in it. */
class Home {
  readonly api = new ApiModel();
  readonly accepted: string[] = [];
  readonly ended: string[] = [];
  readonly reached = new Set<string>();
  replicas: Replica[] = [];
  time = 0;
  wall = START;
  #made = 0;
  readonly clock: Clock = {
    now: () => this.wall,
    monotonic: () => this.time,
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
  };

  name(what: string): string {
    return `${what}-${String(this.#made++)}`;
  }

  pass(ms: number): void {
    this.time += ms;
    this.wall += ms;
  }

  replica(index: number): Replica {
    const alive = this.replicas.filter(({ isAlive }) => isAlive);
    return alive[index % alive.length]!;
  }

  /** What was begun is the only one, and the first of its queue that has not ended. */
  began(id: string): void {
    const held = this.replicas.filter(({ isAlive }) => isAlive).flatMap((one) => [...one.held.keys()]);
    assert.deepEqual(held, [id], "held at once");
    assert.ok(!this.ended.includes(id), "begun again after its ending");
    const stored = this.api.stored("operations") as Map<string, OperationRecord>;
    const queue = this.api.stored("configmaps").get(QUEUE);
    const open = (queue === undefined ? [] : toQueue(queue).operations).find((name) => {
      const record = stored.get(name);
      return record === undefined || !hasEnded(record);
    });
    assert.equal(open, id, "not the first");
  }

  async step(step: Step): Promise<void> {
    if (step.do === "pass") return this.pass(step.ms);
    if (step.do === "jump") return void (this.wall += step.ms);
    const replica = this.replica(step.replica);
    switch (step.do) {
      case "ask":
        return replica.ask(step.trouble);
      case "hear":
        return replica.view.hear(step.plural, step.changes);
      case "die":
        replica.die();
        return void this.replicas.push(new Replica(this));
      default:
        return replica[step.do]();
    }
  }
}

/** A replica: the product's accepting and claiming, over caches that lag. */
class Replica {
  isAlive = true;
  readonly held = new Map<string, { record: OperationRecord; slot: Slot }>();
  readonly view: View;
  readonly #home: Home;
  readonly #name: string;
  readonly #offered = new Set<string>();
  readonly #slots = createSlots(LIMITS, () => undefined);
  readonly #unknown = new Map<string, number>();
  #diedAt = 0;
  #trouble: Trouble = "";
  #offer: Promise<void> = Promise.resolve();

  constructor(home: Home) {
    this.#home = home;
    this.#name = home.name("replica");
    this.view = home.api.view();
  }

  readonly #cache = {
    operation: (id: string) => this.view.get("operations", id) as OperationRecord | undefined,
    queue: (name: string) => {
      const found = this.view.get("configmaps", name);
      return found === undefined ? undefined : toQueue(found);
    },
    replicas: { list: () => this.#home.replicas.map((one) => ({ name: one.#name, isHeld: true })) },
  };
  readonly #liveness = {
    wait: (name: string) => this.#home.replicas.find((one) => one.#name === name)?.silence() ?? 0,
    isDead: (name: string) => Promise.resolve(this.#liveness.wait(name) === 0),
  };

  /** Milliseconds until it counts as dead. */
  silence(): number {
    return this.isAlive ? LEASE : Math.max(0, this.#diedAt + LEASE - this.#home.time);
  }

  async ask(trouble: Trouble): Promise<void> {
    const id = this.#home.name("op");
    this.#trouble = trouble;
    const asked = {
      ...{ id, principal: { name: "a", groups: [], source: "berth" as const }, options: {}, reserve: undefined },
      ...{ command: { verb: "test" as const, target: TARGET }, context: { requestId: "r", traceparent: "" } },
    };
    const offer = (record: OperationRecord, queue: readonly string[]) => {
      this.#offered.add(id);
      const isFirst = queue.find((name) => !isOver(this.#cache)(name)) === id;
      if (isFirst)
        this.#offer = claimKnown(this.#parts(), QUEUE, record, this.#hold()).then((claim) => this.#take(claim));
    };
    const parts = { cache: this.#cache, writes: this.#writes, clock: this.#home.clock, offer };
    const isAccepted = await accept(parts, asked).then(
      () => true,
      () => false,
    );
    assert.equal(isAccepted, ["", "slow"].includes(trouble));
    if (isAccepted) this.#home.accepted.push(id);
    this.#trouble = "";
    await this.#offer;
  }

  async look(): Promise<void> {
    this.#take(await claimHead(this.#parts(), QUEUE, this.#hold()));
  }

  /** Writes the ending of what it holds. */
  async end(): Promise<void> {
    for (const [id, { record, slot }] of this.held) {
      const endTime = new Date(this.#home.clock.now()).toISOString();
      await this.#writes.writeStatus(record, { ...record.status, state: "succeeded", endTime, replica: "" });
      this.#home.ended.push(id);
      slot.free();
      this.held.delete(id);
    }
  }

  die(): void {
    this.isAlive = false;
    this.#diedAt = this.#home.time;
  }

  /** It does not know that it is dead: what was taken from it is not its to write any more. */
  async haunt(): Promise<void> {
    for (const { record } of this.held.values()) {
      const { metadata, status } = this.#home.api.stored("operations").get(record.metadata.name) as OperationRecord;
      if (metadata.resourceVersion === record.metadata.resourceVersion) continue;
      assert.notEqual(status?.replica, this.#name);
      this.#home.reached.add("haunted");
      await assert.rejects(this.#writes.writeStatus(record, record.status ?? {}), { code: "APPLY_CONFLICT" });
    }
  }

  /** As the sweeper: what has no place gets one, what has ended gives its own up. */
  async sweep(): Promise<void> {
    for (const { metadata, spec, status } of this.view.all("operations") as OperationRecord[]) {
      const isPlaced = this.#cache.queue(QUEUE)?.operations.includes(metadata.name) === true;
      const isNew = this.#home.clock.now() - Date.parse(spec.request.createTime) <= 10_000;
      if (isPlaced || isNew || status?.endTime !== undefined) continue;
      this.#home.reached.add("placed later");
      await put({ writes: this.#writes, cache: this.#cache }, metadata.name, spec.request);
    }
    await this.#writes.compact(QUEUE, isOver(this.#cache));
  }

  readonly #before = async ({ method, path }: KubeRequest): Promise<void> => {
    const isOperation = method === "POST" && path.endsWith("/operations");
    const isQueue = /^(POST|PUT)$/.test(method ?? "") && path.includes("/configmaps");
    if (this.#trouble === "no operation" && isOperation) throw new Error("died");
    if (this.#trouble === "no place" && isQueue) throw new Error("died");
    if (this.#trouble !== "slow" || !isOperation) return;
    this.#trouble = "";
    // Meanwhile the others look, and the next one is asked: what its name stood in by now would be taken for gone.
    await new Promise(setImmediate);
    const others = this.#home.replicas.filter((one) => one.isAlive && one !== this);
    for (let round = 0; round < 3; round++) {
      for (const one of others) {
        one.view.hear("configmaps", 99);
        await one.look();
      }
      this.#home.pass(1500);
    }
    await others[0]?.ask("");
  };

  readonly #take = (claim: Claim): void => {
    if (claim.kind !== "claimed") return;
    const { metadata, status } = claim.record;
    this.#offered.delete(metadata.name);
    this.held.set(metadata.name, claim);
    this.#home.reached.add((status?.attempts ?? 0) > 1 ? "taken over" : "begun");
    this.#home.began(metadata.name);
  };

  #hold() {
    return { name: this.#name, signal: new AbortController().signal, remaining: () => LEASE };
  }

  #parts() {
    const isMine = (id: string) => this.held.has(id);
    const isOffered = (id: string) => this.#offered.has(id);
    const mine = { cache: this.#cache, writes: this.#writes, liveness: this.#liveness, slots: this.#slots };
    return { ...mine, clock: this.#home.clock, unknown: this.#unknown, isMine, isOffered };
  }

  get #writes() {
    const client = this.#home.api.client(this.#before);
    return createHomeWrites(client, "home", (queue) => this.view.get("configmaps", queue));
  }
}

const replica = fc.nat(2);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("ask"),
    replica,
    trouble: fc.constantFrom<Trouble>("", "", "no place", "no operation", "slow"),
  }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant("look"), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("end"), replica }) },
  fc.record({ do: fc.constantFrom("die", "sweep"), replica }),
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant("hear"), replica, plural: fc.constantFrom("operations", "configmaps") },
      changes: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(500, 2000, 13_000) }) },
  fc.record({ do: fc.constant("jump"), ms: fc.constantFrom(-6, -2, 2, 6).map((hours) => hours * 3_600_000) }),
);

/** Everybody hears of everything and looks, until all is done. */
async function settle(home: Home): Promise<void> {
  for (let round = 0; round < 60; round++) {
    home.pass(13_000);
    for (const one of home.replicas.filter(({ isAlive }) => isAlive)) {
      for (const plural of ["operations", "configmaps"]) one.view.hear(plural, 999);
      await one.sweep();
      await one.look();
      await one.end();
    }
  }
}

test("of one release one operation runs at a time, in order; none is lost, whoever dies and whatever lags", async () => {
  const reached = new Set<string>();
  const check = async (given: readonly Step[]) => {
    const home = new Home();
    for (let n = 0; n < 3; n++) home.replicas.push(new Replica(home));
    for (const step of given) {
      await home.step(step);
      for (const one of home.replicas.filter(({ isAlive }) => !isAlive)) await one.haunt();
    }
    // A wall clock that is hours early lets new ones seem young: it is put right.
    home.wall = Math.max(home.wall, START + 48 * 3_600_000);
    await settle(home);
    for (const one of home.replicas.filter(({ isAlive }) => !isAlive)) await one.haunt();
    const stored = [...home.api.stored("operations").values()] as OperationRecord[];
    assert.deepEqual(
      stored.filter((record) => !hasEnded(record)).map(({ metadata }) => metadata.name),
      [],
      "stuck",
    );
    assert.equal(new Set(home.ended).size, home.ended.length, "ended twice");
    for (const id of home.accepted) assert.ok(home.ended.includes(id), `${id} is lost`);
    assert.equal(home.api.stored("configmaps").size, 0);
    home.reached.forEach((one) => reached.add(one));
  };
  const dies: Step[] = [
    { do: "ask", replica: 0, trouble: "no place" },
    { do: "ask", replica: 0, trouble: "" },
    { do: "die", replica: 0 },
  ];
  const property = fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60 }), check);
  await fc.assert(property, { numRuns: 300, examples: [[dies]] });
  assert.deepEqual([...reached].sort(), ["begun", "haunted", "placed later", "taken over"]);
});
