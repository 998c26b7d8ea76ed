import { isConflict, isNotFound, patchObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { portClaims } from "../resource.ts";
import type { ClaimObject } from "../resource.ts";

/** Frees a port: it rests from now on. Does nothing where the claim is gone, or another one by now. */
export async function releaseClaim(client: KubeClient, { metadata, status }: ClaimObject, now: number): Promise<void> {
  if (status?.releasedAt !== undefined) return;
  const { name, uid } = metadata;
  const body = { metadata: { uid }, status: { releasedAt: new Date(now).toISOString() } };
  await patchObject(client, { resource: portClaims, name, subresource: "status" }, body).catch((error: unknown) => {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  });
}

/** Milliseconds until a freed port has rested; undefined where it is not freed. Pure. */
export function restLeft({ status }: ClaimObject, restSeconds: number, now: number): number | undefined {
  if (status?.releasedAt === undefined) return undefined;
  // A clock that goes wrong makes no rest longer than it is.
  return Math.min(Date.parse(status.releasedAt) + restSeconds * 1000 - now, restSeconds * 1000);
}
