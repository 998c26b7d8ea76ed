import assert from "node:assert/strict";
import { test } from "node:test";

import type { OperationRecord, StoredStatus } from "../record.ts";
import type { Receipt } from "./post.ts";
import { begun, done, judge } from "./schedule.ts";

const END = Date.parse("2026-01-01T00:00:00.000Z");
const DAY = 24 * 3600 * 1000;
const failure: Receipt = { kind: "failed", reason: "It answered 500." };

function record(status: StoredStatus, callbackUrl: string | undefined = "https://a.example/", version = 1) {
  const policy = callbackUrl === "" ? {} : { callbackUrl };
  // Nothing else of it counts here.
  return { metadata: { name: "op-1" }, spec: { request: { version, policy } }, status } as unknown as OperationRecord;
}

const ended = { state: "failed", endTime: new Date(END).toISOString() } as const;

test("nobody is told of what has not ended, was told, is given up, or is of another version", () => {
  const never: OperationRecord[] = [
    record({ state: "running" }),
    record(ended, ""),
    record({ ...ended, callback: { state: "delivered" } }),
    record({ ...ended, callback: { state: "failed" } }),
    record(ended, undefined, 2),
  ];
  for (const one of never) assert.deepEqual(judge(one, END + DAY), { kind: "no" });
});

test("it is due at the end, and not while somebody tries", () => {
  assert.deepEqual(judge(record(ended), END), { kind: "now", since: 0 });
  const tried = record({ ...ended, callback: begun(record(ended), END) });
  assert.equal(tried.status?.callback?.attempts, 1);
  assert.deepEqual(judge(tried, END + 10_000), { kind: "later", ms: 20_000 });
  assert.deepEqual(judge(tried, END + 31_000), { kind: "now", since: 1000 });
});

test("it is tried for a day, with growing pauses, however often", () => {
  let now = END;
  let one = record(ended);
  const pauses: number[] = [];
  while (one.status?.callback?.state !== "failed") {
    one = record({ ...ended, callback: begun(one, now) });
    one = record({ ...ended, callback: done(one, failure, now) });
    const due = judge(one, now);
    if (due.kind !== "later") break;
    pauses.push(due.ms);
    now += due.ms;
  }
  assert.deepEqual(one.status?.callback, { state: "failed", attempts: pauses.length + 1, reason: failure.reason });
  assert.ok(now - END <= DAY && now - END > DAY - 3_600_000, String(now - END));
  assert.ok(pauses.length > 20 && pauses.length < 70, String(pauses.length));
  assert.ok((pauses[0] ?? 0) >= 2500 && (pauses[0] ?? 0) <= 5000);
  assert.ok(pauses.every((pause) => pause <= 3_600_000));
});

test("what nobody could try for days is tried once more", () => {
  const late = END + 3 * DAY;
  assert.equal(judge(record(ended), late).kind, "now");
  const tried = record({ ...ended, callback: begun(record(ended), late) });
  assert.equal(done(tried, failure, late).state, "failed");
  assert.deepEqual(done(tried, { kind: "delivered" }, late), { state: "delivered", attempts: 1 });
});

test("a receiver that is gone is asked no more", () => {
  const tried = record({ ...ended, callback: begun(record(ended), END) });
  const given = done(tried, { kind: "gone", reason: "It answered 410." }, END);
  assert.deepEqual(given, { state: "failed", attempts: 1, reason: "It answered 410." });
});
