import { setTimeout as sleep } from "node:timers/promises";

/** How often we ask, in milliseconds: a tenth of what a person notices, and little work for an API server. */
const ASK = 50;

/** Asks until the answer is yes; a question that fails is a no. Rejects after `patience` milliseconds. */
export async function waitUntil(
  what: string,
  patience: number,
  ask: () => Promise<boolean>,
  interval: number = ASK,
): Promise<void> {
  const end = performance.now() + patience;
  let last: unknown;
  for (;;) {
    try {
      if (await ask()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`Waited ${patience / 1000} s until ${what}, in vain.`, { cause: last });
    }
    await sleep(interval);
  }
}
