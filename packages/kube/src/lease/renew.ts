import { isConflict, isNotFound } from "../errors.ts";
import type { LeaseRecord, LeaseStore } from "./record.ts";

/** What became of one renewal. */
export type Renewal =
  | { readonly kind: "renewed"; readonly record: LeaseRecord }
  /** Still ours, but at another version: an answer was lost on its way. Try again with this one. */
  | { readonly kind: "changed"; readonly record: LeaseRecord; readonly error: unknown }
  | { readonly kind: "lost"; readonly reason: string };

/** Renews once. Rejects where that may be tried again. */
export async function renewOnce(
  store: LeaseStore,
  holder: string,
  record: LeaseRecord,
  now: number,
  signal: AbortSignal,
): Promise<Renewal> {
  try {
    return { kind: "renewed", record: await store.renew(record, now, signal) };
  } catch (error) {
    if (isNotFound(error)) return { kind: "lost", reason: "the Lease was deleted" };
    if (!isConflict(error)) throw error;
    const found = await readOurs(store, holder, record, signal);
    return found === undefined
      ? { kind: "lost", reason: "another holder has taken it" }
      : { kind: "changed", record: found, error };
  }
}

/** Gives a lease back where it is still ours. */
export async function giveBack(store: LeaseStore, holder: string, record: LeaseRecord, now: number): Promise<void> {
  const { signal } = new AbortController();
  try {
    await store.free(record, now, signal);
  } catch (error) {
    if (!isConflict(error)) throw error;
    // A renewal was under way when we ended and landed after all.
    const found = await readOurs(store, holder, record, signal);
    if (found !== undefined) await store.free(found, now, signal);
  }
}

/** The Lease as it is now, if the same hold of the same holder is in it. */
async function readOurs(
  store: LeaseStore,
  holder: string,
  record: LeaseRecord,
  signal: AbortSignal,
): Promise<LeaseRecord | undefined> {
  const found = await store.read(signal);
  const isOurs =
    found?.spec?.holderIdentity === holder &&
    found.metadata.uid === record.metadata.uid &&
    found.spec.leaseTransitions === record.spec?.leaseTransitions;
  return isOurs ? found : undefined;
}
