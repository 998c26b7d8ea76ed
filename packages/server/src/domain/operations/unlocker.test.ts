import assert from "node:assert/strict";
import { test } from "node:test";

import { silentLogger } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Submit } from "./types.ts";
import { createUnlocker } from "./unlocker.ts";
import type { StuckRelease } from "./unlocker.ts";

const MINUTE = 60_000;

test("what another machine's clock calls long ago is unlocked when it was seen for so long", async () => {
  let [time, wake] = [0, () => {}];
  /** Time passes by steps alone; the wall clock is a day ahead of whoever wrote the record. */
  const clock: Clock = {
    now: () => Date.UTC(2026, 0, 2) + time,
    monotonic: () => time,
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve;
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
  };
  const target = { cluster: "local", namespace: "default", name: "it" };
  let stuck: readonly StuckRelease[] = [{ target, revision: 1, since: new Date(Date.UTC(2026, 0, 1)) }];
  const asked: number[] = [];
  const submit: Submit = (_principal, command) => {
    asked.push(command.expectedRevision ?? 0);
    return Promise.reject(new Error("It is only asked for here."));
  };
  const unlocker = createUnlocker({ submit, stuck: () => stuck, afterMs: 10 * MINUTE, clock, log: silentLogger });
  const step = async (ms: number) => {
    time += ms;
    wake();
    await new Promise((resolve) => setImmediate(resolve));
  };
  unlocker.start();
  await step(MINUTE);
  await step(9 * MINUTE);
  assert.deepEqual(asked, [], "it was seen for nine minutes");
  await step(MINUTE);
  assert.deepEqual(asked, [1]);
  // Another state of it is another beginning.
  stuck = [{ target, revision: 2, since: new Date(Date.UTC(2026, 0, 1)) }];
  await step(MINUTE);
  await step(9 * MINUTE);
  assert.deepEqual(asked, [1]);
  await step(MINUTE);
  assert.deepEqual(asked, [1, 2]);
  await unlocker.stop();
});
