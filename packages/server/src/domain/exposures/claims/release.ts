import { getObject, isConflict, isNotFound, patchObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { claimName, portClaims } from "../resource.ts";
import type { ClaimObject, ExposureHolder, Protocol } from "../resource.ts";
import { isMine } from "./take.ts";

/**
 * Frees a port: it rests from now on. Does nothing where the claim is gone, or
 * another one by now: it is written over just the version that was read. (The
 * API server does not look at the uid of a patched status.)
 */
export async function releaseClaim(client: KubeClient, claim: ClaimObject, now: number): Promise<void> {
  const { name, uid } = claim.metadata;
  let known: ClaimObject | undefined = claim;
  while (known !== undefined && known.metadata.uid === uid && known.status?.releasedAt === undefined) {
    const { resourceVersion } = known.metadata;
    const body = { metadata: { resourceVersion }, status: { releasedAt: new Date(now).toISOString() } };
    try {
      await patchObject(client, { resource: portClaims, name, subresource: "status" }, body);
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error)) throw error;
    }
    known = await getObject<ClaimObject>(client, { resource: portClaims, name });
  }
}

/** Whether an exposure has all claims of a port, as the API server knows it now. */
export async function hasClaims(
  client: KubeClient,
  exposure: ExposureHolder,
  { slot, port, protocols }: { readonly slot: string; readonly port: number; readonly protocols: readonly Protocol[] },
): Promise<boolean> {
  const names = protocols.map((protocol) => claimName(slot, protocol, port));
  const found = await Promise.all(names.map((name) => getObject<ClaimObject>(client, { resource: portClaims, name })));
  return found.every((claim) => claim !== undefined && isMine(claim, { exposure }));
}

/** Milliseconds until a freed port has rested; undefined where it is not freed. Pure. */
export function restLeft({ status }: ClaimObject, restSeconds: number, now: number): number | undefined {
  if (status?.releasedAt === undefined) return undefined;
  // A clock that goes wrong makes no rest longer than it is.
  return Math.min(Date.parse(status.releasedAt) + restSeconds * 1000 - now, restSeconds * 1000);
}
