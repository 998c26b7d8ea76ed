import { randomBytes } from "node:crypto";

import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { acquireLease, deleteObject, getObject } from "@berth/kube";
import type { HeldLease, KubeClient } from "@berth/kube";

import { toReplica } from "../store/cache.ts";
import type { HomeCache, ReplicaRecord } from "../store/cache.ts";
import { ROLE_LABEL, ROLES } from "../store/names.ts";

const leases = { group: "coordination.k8s.io", version: "v1", plural: "leases" };
/**
 * How long a replica may be silent before another one takes its work, in
 * seconds. It renews three times in it and stops changing things at nine tenths.
 */
const LEASE = 12;

/** How long a Lease is kept that nobody renews, in milliseconds: whoever it was would have noticed by now. */
const LONG_GONE = 600_000;

/** One hold of this replica: a Lease of its own name, never held by anybody else. */
export interface Hold {
  readonly name: string;
  /** Aborted once it is lost or given back. */
  readonly signal: AbortSignal;
  /** Milliseconds for which something may still be changed; 0 once it is lost. */
  remaining(): number;
}

/** This replica, as the others see it. */
export interface Replica {
  /** The hold of now; undefined while there is none. */
  hold(): Hold | undefined;
  /** Begins to hold, and holds anew under another name where the hold is lost. `onHold` hears of each. */
  start(onHold: (hold: Hold) => void): void;
  /** Gives the hold back. */
  stop(): Promise<void>;
}

/** Makes this replica. */
export function createReplica(parts: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly log: Logger;
  readonly clock: Clock;
}): Replica {
  const { clock, log, client, namespace } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  let current: { lease: HeldLease; hold: Hold } | undefined;
  let running: Promise<void> | undefined;

  const holdOnce = async (onHold: (hold: Hold) => void) => {
    const name = `replica-${randomBytes(8).toString("hex")}`;
    const labels = { [ROLE_LABEL]: ROLES.replica };
    const lease = await acquireLease({ ...parts, name, holder: name, durationSeconds: LEASE, labels }, signal);
    const remaining = () => (lease.state() === "held" ? Math.max(0, lease.deadline() - clock.monotonic()) : 0);
    current = { lease, hold: { name, signal: lease.signal, remaining } };
    onHold(current.hold);
    await new Promise((resolve) => lease.signal.addEventListener("abort", resolve, { once: true }));
    current = undefined;
  };
  const keep = async (onHold: (hold: Hold) => void) => {
    while (!signal.aborted) {
      await holdOnce(onHold).catch(async (error: unknown) => {
        if (signal.aborted) return;
        log.error({ error, namespace }, "no lease can be held: nothing is worked on");
        await clock.sleep(1000, signal).catch(() => undefined);
      });
    }
  };
  return {
    hold: () => current?.hold,
    start: (onHold) => void (running ??= keep(onHold)),
    async stop() {
      stopping.abort(new BerthError("UNAVAILABLE", "Berth stops."));
      const held = current;
      await held?.lease.release();
      await running;
      if (held === undefined) return;
      const reference = { resource: leases, namespace, name: held.hold.name };
      // Left behind, it has run out and is swept.
      await deleteObject(client, reference).catch(() => undefined);
    },
  };
}

/** Tells how long each replica has been silent, by our own clock alone. */
export interface Liveness {
  /** Milliseconds until a replica counts as dead; 0 where it does. */
  wait(replica: string): number;
  /** Asks the API server whether a replica that counts as dead has given no sign of life since. */
  isDead(replica: string): Promise<boolean>;
  /** Whether a replica has been silent for so long that its Lease can go. */
  isLongGone(replica: string): boolean;
  /** Ends the listening. */
  stop(): void;
}

/** Follows the replicas' leases: each change is a sign of life. */
export function createLiveness(parts: {
  readonly cache: HomeCache;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
}): Liveness {
  const { cache, client, namespace, clock } = parts;
  const seen = new Map<string, { version: string; at: number }>();
  const note = (record: ReplicaRecord) => {
    if (seen.get(record.name)?.version === record.version) return;
    seen.set(record.name, { version: record.version, at: clock.monotonic() });
  };
  const wait = (name: string) => {
    const record = cache.replicas.get(`${namespace}/${name}`);
    // Its owner deletes it when it has let go, and the sweeper when it has long run out.
    if (record === undefined || !record.isHeld) return 0;
    note(record);
    return Math.max(0, (seen.get(name)?.at ?? 0) + record.durationMs - clock.monotonic());
  };
  const stop = cache.replicas.onChange((change) => {
    if (change.type === "deleted") seen.delete(change.previous.name);
    else note(change.object);
  });
  return {
    ...{ stop, wait },
    isLongGone: (name) => clock.monotonic() - (seen.get(name)?.at ?? Infinity) > LONG_GONE,
    async isDead(name) {
      const found = await getObject(client, { resource: leases, namespace, name });
      if (found === undefined) return true;
      const record = toReplica(found);
      if (!record.isHeld) return true;
      const known = seen.get(name);
      note(record);
      return known?.version === record.version && known.at + record.durationMs <= clock.monotonic();
    },
  };
}
