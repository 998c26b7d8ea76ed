import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { allocate, reservedOf } from "./allocate.ts";
import type { Room } from "./allocate.ts";
import { claimName } from "./resource.ts";
import type { Protocol } from "./resource.ts";

const both: readonly Protocol[] = ["tcp", "udp"];
const protocols = fc.constantFrom<readonly Protocol[]>(["tcp"], ["udp"], both);
const span = fc.tuple(fc.integer({ min: 1, max: 65_000 }), fc.integer({ min: 0, max: 80 }), fc.nat({ max: 90 }));
const ranges = span.map(([from, size, reserved]) => ({
  from,
  to: from + size,
  reserved: Math.min(reserved, size + 1),
}));
const rooms = fc
  .integer({ min: 1, max: 3 })
  .map((count) => Array.from({ length: count }, (_, i) => `slot-${String(i)}`));
const seed = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }));

/** A pool with some ports taken: which ones, by chance. */
const pools = fc.record({
  range: ranges,
  slots: rooms,
  protocols,
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  seed,
});

function fill({ range, slots, share, seed: stream }: typeof pools extends fc.Arbitrary<infer T> ? T : never) {
  const random = () => stream.next().value as number;
  const taken = new Set<string>();
  for (const slot of slots) {
    for (let port = range.from; port <= range.to; port++) {
      for (const protocol of both) if (random() < share) taken.add(claimName(slot, protocol, port));
    }
  }
  const isTaken = (slot: string, protocol: Protocol, port: number) => taken.has(claimName(slot, protocol, port));
  const all = slots.map((slot): Room => ({ slot, load: 0, capacity: undefined }));
  return { taken, isTaken, random, rooms: all };
}

test("what is found is free for each protocol and in the range, and nothing is found only where nothing is free", () => {
  fc.assert(
    fc.property(pools, (pool) => {
      const { isTaken, random, rooms: all } = fill(pool);
      const found = allocate(pool.range, all, { protocols: pool.protocols }, { isTaken, random });
      const free = pool.slots.flatMap((slot) =>
        Array.from({ length: pool.range.to - pool.range.from + 1 }, (_, i) => pool.range.from + i)
          .filter((port) => pool.protocols.every((protocol) => !isTaken(slot, protocol, port)))
          .map((port) => ({ slot, port })),
      );
      if (found === undefined) return void assert.deepEqual(free, []);
      assert.ok(free.some(({ slot, port }) => slot === found.slot && port === found.port));
      const isLow = found.port < pool.range.from + pool.range.reserved;
      const hasUpper = free.some(({ port }) => port >= pool.range.from + pool.range.reserved);
      assert.equal(isLow, !hasUpper, "the low band is the last one");
    }),
  );
});

test("a port that is asked for is given where it is free, low band or not", () => {
  fc.assert(
    fc.property(pools, fc.nat(), (pool, offset) => {
      const { isTaken, random, rooms: all } = fill(pool);
      const port = pool.range.from + (offset % (pool.range.to - pool.range.from + 1));
      const found = allocate(pool.range, all, { protocols: pool.protocols, port }, { isTaken, random });
      const able = pool.slots.find((slot) => pool.protocols.every((protocol) => !isTaken(slot, protocol, port)));
      assert.deepEqual(found, able === undefined ? undefined : { slot: able, port });
    }),
  );
});

test("a range is filled to its last port, address after address, none twice", () => {
  fc.assert(
    fc.property(ranges, rooms, seed, (range, slots, stream) => {
      const taken = new Set<string>();
      const isTaken = (slot: string, protocol: Protocol, port: number) => taken.has(claimName(slot, protocol, port));
      const random = () => stream.next().value as number;
      const size = range.to - range.from + 1;
      for (let count = 0; count < size * slots.length; count++) {
        const all = slots.map((slot): Room => ({ slot, load: 0, capacity: undefined }));
        const found = allocate(range, all, { protocols: ["tcp"] }, { isTaken, random });
        assert.ok(found);
        const name = claimName(found.slot, "tcp", found.port);
        assert.ok(!taken.has(name));
        taken.add(name);
      }
      const full = slots.map((slot): Room => ({ slot, load: size, capacity: size }));
      assert.equal(allocate(range, full, { protocols: ["tcp"] }, { isTaken: () => false, random }), undefined);
    }),
    { numRuns: 30 },
  );
});

test("an address that is full by its capacity is passed over", () => {
  const full = [
    { slot: "a", load: 63, capacity: 64 },
    { slot: "b", load: 0, capacity: 64 },
  ];
  const found = allocate(
    { from: 1, to: 9, reserved: 0 },
    full,
    { protocols: both },
    { isTaken: () => false, random: () => 0 },
  );
  assert.deepEqual(found, { slot: "b", port: 1 });
});

test("the reserved band is a sixteenth, at least 16 and at most 256, none in a small range, or what is said", () => {
  const of = (size: number, given?: number) => reservedOf({ from: 1, to: size }, given);
  assert.deepEqual([of(31), of(32), of(100), of(1000), of(10_001), of(100, 7), of(5, 7)], [0, 16, 16, 62, 256, 7, 5]);
});
