import { createHash } from "node:crypto";

/**
 * The replica that an operation falls to where several could take it: all of
 * them reckon the same (rendezvous hashing), so that they seldom write at once.
 * Undefined where there is none. Pure.
 */
export function prefers(operation: string, replicas: readonly string[]): string | undefined {
  let best: { name: string; weight: string } | undefined;
  for (const name of replicas) {
    const weight = createHash("sha256").update(`${operation} ${name}`).digest("hex");
    if (best === undefined || weight > best.weight) best = { name, weight };
  }
  return best?.name;
}
