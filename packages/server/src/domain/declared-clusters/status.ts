import { boundText, redactUrls } from "@berth/base";
import { readyAmong, toReady } from "@berth/kube";

import type { ClusterObject, StoredStatus } from "./resource.ts";
import type { ClusterFacts } from "./types.ts";

/** Characters of an error that a status carries. */
const MAX_MESSAGE = 1024;
/** Replicas may see a cluster differently: what one has said stands at least so long, in milliseconds. */
const STANDS = 30_000;

/** The status that has to be written for what a replica has seen; undefined where what is stored will do. Pure. */
export function nextStatus(
  { metadata, status = {} }: ClusterObject,
  facts: ClusterFacts,
  now: number,
): StoredStatus | undefined {
  if (facts.state === "unknown") return undefined;
  const { generation = 0 } = metadata;
  const before = readyAmong(status.conditions);
  const isReady = facts.state === "ready";
  const wanted = isReady ? "True" : "False";
  const isSame =
    before?.status === wanted &&
    before.reason === facts.reason &&
    status.observedGeneration === generation &&
    (!isReady || (status.version === facts.version && sameList(status.capabilities ?? [], facts.capabilities)));
  if (isSame) return undefined;
  const isNew = before === undefined || status.observedGeneration !== generation;
  if (!isNew && now - Date.parse(before.lastTransitionTime) < STANDS) return undefined;
  const message = boundText(redactUrls(facts.message), MAX_MESSAGE);
  return {
    observedGeneration: generation,
    ...(facts.version === "" ? {} : { version: facts.version }),
    capabilities: facts.capabilities,
    conditions: [toReady(before, { status: wanted, reason: facts.reason, message }, generation, now)],
  };
}

/** Whether two lists have the same texts in the same order. */
export function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
