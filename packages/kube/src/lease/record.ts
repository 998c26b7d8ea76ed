import type { KubeClient } from "../client.ts";
import type { KubeObject, ObjectReference } from "../object.ts";
import { createObject, getObject, updateObject } from "../requests.ts";

const resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" };

/** A Lease object as stored. */
export interface LeaseRecord extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly leaseTransitions?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
  };
}

/** Which lease, whose, for how long. */
export interface LeaseName {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique among all who ever ask: a second process of the same name is another holder. */
  readonly holder: string;
  /** Whole seconds. */
  readonly durationSeconds: number;
  /** Labels of a Lease that is made anew. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Reads and writes one Lease, each write only where nobody wrote since. */
export interface LeaseStore {
  read(signal: AbortSignal): Promise<LeaseRecord | undefined>;
  /** Makes it, held by us. OBJECT_EXISTS where there is one. */
  create(now: number, signal: AbortSignal): Promise<LeaseRecord>;
  /** Takes it from whoever had it: one transition more. APPLY_CONFLICT where it changed since. */
  take(record: LeaseRecord, now: number, signal: AbortSignal): Promise<LeaseRecord>;
  renew(record: LeaseRecord, now: number, signal: AbortSignal): Promise<LeaseRecord>;
  /** Gives it back: nobody holds it. */
  free(record: LeaseRecord, now: number, signal: AbortSignal): Promise<LeaseRecord>;
}

/** Makes the store. A request lasts at most as long as a third of the lease. */
export function createLeaseStore({ client, namespace, name, holder, durationSeconds, labels }: LeaseName): LeaseStore {
  const reference: ObjectReference = { resource, namespace, name };
  const timeoutMs = (durationSeconds * 1000) / 3;
  const spec = (now: number) => ({
    holderIdentity: holder,
    leaseDurationSeconds: durationSeconds,
    renewTime: microTime(now),
  });
  const put = (record: LeaseRecord, next: LeaseRecord["spec"], signal: AbortSignal) => {
    const { uid, resourceVersion } = record.metadata;
    const body = { ...record, metadata: { ...record.metadata, uid, resourceVersion }, spec: next };
    return updateObject<LeaseRecord>(client, reference, body, { signal, timeoutMs });
  };
  return {
    read: (signal) => getObject<LeaseRecord>(client, reference, { signal, timeoutMs }),
    create(now, signal) {
      const body = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, ...(labels === undefined ? {} : { labels }) },
        spec: { ...spec(now), acquireTime: microTime(now), leaseTransitions: 0 },
      };
      return createObject<LeaseRecord>(client, { resource, namespace }, body, { signal, timeoutMs });
    },
    take(record, now, signal) {
      const leaseTransitions = (record.spec?.leaseTransitions ?? 0) + 1;
      return put(record, { ...spec(now), acquireTime: microTime(now), leaseTransitions }, signal);
    },
    renew: (record, now, signal) => put(record, { ...record.spec, ...spec(now) }, signal),
    free: (record, now, signal) =>
      // The transitions stay: they are the fence of whoever comes next.
      put(record, { ...record.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now) }, signal),
  };
}

/** Kubernetes' MicroTime: for people who look; no decision depends on it. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace("Z", "000Z");
}
