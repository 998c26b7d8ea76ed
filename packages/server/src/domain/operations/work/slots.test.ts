import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { createSlots } from "./slots.ts";
import type { Limits, Slot } from "./slots.ts";
import type { Applicant } from "./waiting.ts";

interface Place {
  readonly applicant: Applicant;
  readonly slot: Slot;
  isActive: boolean;
}

/** Everybody who wants a place, as the worker drives them: whoever is told comes again. */
class Crowd {
  readonly places: Place[] = [];
  readonly refused = new Map<string, Applicant>();
  /** First operations that run elsewhere by now, and those that have come in their place. */
  readonly #after = new Map<string, Applicant | undefined>();
  readonly told: string[] = [];
  readonly #limits: Limits;
  readonly #slots;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#slots = createSlots(limits, (queue) => void this.told.push(queue));
  }

  ask(applicant: Applicant): void {
    // One operation of a queue runs at a time, so that it asks for one place.
    if (this.places.some((place) => place.applicant.queue === applicant.queue)) return;
    const slot = this.#slots.take(applicant);
    if (slot === undefined) return void this.refused.set(applicant.queue, applicant);
    this.refused.delete(applicant.queue);
    this.places.push({ applicant, slot, isActive: true });
    this.check();
  }

  /** What waits runs elsewhere; we hear of it later, and then perhaps of the next one of its queue only. */
  elsewhere(applicant: Applicant, isNext: boolean): void {
    if (!this.refused.has(applicant.queue)) return;
    this.#after.set(applicant.queue, isNext ? applicant : undefined);
    this.told.push(applicant.queue);
  }

  free(index: number): void {
    const [place] = this.places.splice(index % Math.max(1, this.places.length), 1);
    place?.slot.free();
    // A second time it is nobody's.
    place?.slot.free();
    this.check();
  }

  rest(index: number): void {
    const place = this.places[index % Math.max(1, this.places.length)];
    if (place !== undefined) place.isActive = false;
    place?.slot.rest();
  }

  /** Whoever was told comes, in that order; whom it was told of may not want it any more. */
  come(): void {
    for (let next = this.told.shift(); next !== undefined; next = this.told.shift()) {
      const applicant = this.#after.has(next) ? this.#after.get(next) : this.refused.get(next);
      this.#after.delete(next);
      if (applicant !== undefined) this.ask(applicant);
      else {
        this.refused.delete(next);
        this.#slots.withdraw(next);
      }
    }
  }

  check(): void {
    const most = (of: (applicant: Applicant) => string) => {
      const counts = new Map<string, number>();
      for (const { applicant } of this.places) counts.set(of(applicant), (counts.get(of(applicant)) ?? 0) + 1);
      return Math.max(0, ...counts.values());
    };
    assert.equal(this.#slots.running(), this.places.length);
    assert.ok(this.places.length <= this.#limits.running, "running");
    assert.ok(this.places.filter(({ isActive }) => isActive).length <= this.#limits.active, "active");
    assert.ok(most(({ cluster }) => cluster) <= this.#limits.perCluster, "perCluster");
    assert.ok(most(({ tenant }) => tenant) <= this.#limits.perTenant, "perTenant");
  }
}

const small = fc.integer({ min: 1, max: 4 });
const limits = fc.record({ active: small, running: small, perCluster: small, perTenant: small });
/** The queue is of one release, which is of one cluster; anybody may ask for it. */
const applicant = fc
  .record({ release: fc.integer({ min: 0, max: 11 }), tenant: fc.constantFrom("a", "b", "c") })
  .map(({ release, tenant }) => ({ queue: `q${String(release)}`, cluster: `c${String(release % 2)}`, tenant }));
type Step =
  | { readonly do: "ask"; readonly applicant: Applicant }
  | { readonly do: "elsewhere"; readonly applicant: Applicant; readonly isNext: boolean }
  | { readonly do: "free"; readonly index: number }
  | { readonly do: "rest"; readonly index: number }
  | { readonly do: "come" };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const), applicant }) },
  fc.record({ do: fc.constant("elsewhere" as const), applicant, isNext: fc.boolean() }),
  fc.record({ do: fc.constant("free" as const), index: fc.nat(11) }),
  fc.record({ do: fc.constant("rest" as const), index: fc.nat(11) }),
  fc.record({ do: fc.constant("come" as const) }),
);

test("no limit is passed, and whoever was refused gets a place once all are free", () => {
  const check = (given: Limits, steps: readonly Step[]) => {
    const crowd = new Crowd(given);
    for (const one of steps) {
      if (one.do === "come") crowd.come();
      else if (one.do === "free") crowd.free(one.index);
      else if (one.do === "rest") crowd.rest(one.index);
      else if (one.do === "elsewhere") crowd.elsewhere(one.applicant, one.isNext);
      else if (!crowd.refused.has(one.applicant.queue)) crowd.ask(one.applicant);
      crowd.check();
    }
    // Everything ends, one after the other, and nobody but those who are told comes again.
    crowd.come();
    for (let left = 100; left > 0 && crowd.places.length > 0; left--) {
      crowd.free(0);
      crowd.come();
    }
    assert.equal(crowd.places.length, 0);
    assert.deepEqual([...crowd.refused.keys()], [], "somebody waits for ever");
  };
  fc.assert(fc.property(limits, fc.array(step, { maxLength: 60 }), check), { numRuns: 3000 });
});

test("a tenant with one applicant comes before the next of a tenant with a thousand", () => {
  const check = (active: number, freed: number) => {
    const crowd = new Crowd({ active, running: 100, perCluster: 100, perTenant: 100 });
    const of = (tenant: string, queue: number) => ({ tenant, queue: `${tenant}${String(queue)}`, cluster: "c" });
    for (let n = 0; n < 1000; n++) crowd.ask(of("many", n));
    crowd.ask(of("one", 0));
    assert.equal(crowd.places.length, active);
    crowd.free(freed);
    crowd.come();
    assert.equal(crowd.places.at(-1)?.applicant.tenant, "one");
    assert.equal(crowd.places.length, active);
  };
  fc.assert(fc.property(fc.integer({ min: 2, max: 10 }), fc.nat(9), check));
});

test("a cluster whose operations have no end leaves places to the others, and comes after them", () => {
  const crowd = new Crowd({ active: 16, running: 100, perCluster: 100, perTenant: 100 });
  const of = (cluster: string, queue: number) => ({ tenant: "t", queue: `${cluster}${String(queue)}`, cluster });
  crowd.ask(of("well", 0));
  crowd.free(0);
  for (let n = 0; n < 50; n++) crowd.ask(of("dead", n));
  assert.equal(crowd.places.length, 12);
  for (let n = 1; n < 4; n++) {
    crowd.ask(of("well", n));
    assert.equal(crowd.places.at(-1)?.applicant.cluster, "well");
  }
  crowd.ask(of("another", 0));
  assert.equal(crowd.places.length, 16);
  // All is full, and who waits the longest is of the cluster that has the most.
  crowd.ask(of("well", 4));
  crowd.rest(0);
  crowd.come();
  assert.equal(crowd.places.at(-1)?.applicant.queue, "well4");
});
