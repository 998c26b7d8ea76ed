import { createObject, deleteObject, getObject, isConflict, updateObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { Candidate } from "../allocate.ts";
import { API_VERSION, claimName, portClaims } from "../resource.ts";
import type { ClaimHolder, ClaimObject, Protocol } from "../resource.ts";

/** How often a claim is looked at that changes while we look. */
const TRIES = 4;

/** Who wants which port. */
export interface Taking {
  readonly pool: string;
  readonly candidate: Candidate;
  /** tcp before udp. */
  readonly protocols: readonly Protocol[];
  readonly holder: ClaimHolder;
  /** Whether a claim that somebody else has may be handed over to the holder. */
  readonly mayTakeOver?: ((claim: ClaimObject) => boolean) | undefined;
}

/** How it went. */
export type TakeOutcome =
  | { readonly kind: "taken"; readonly claims: readonly ClaimObject[] }
  /** By whom; undefined where that one has just gone. */
  | { readonly kind: "held"; readonly by: ClaimObject | undefined };

/**
 * Claims a port for each protocol, by making objects whose names are the port.
 * What the holder has already counts as taken: whoever died in the middle goes
 * on. Where one is held, those taken before are given back at once; nothing was
 * ever reachable there.
 */
export async function takeClaims(client: KubeClient, taking: Taking): Promise<TakeOutcome> {
  const claims: ClaimObject[] = [];
  for (const protocol of taking.protocols) {
    const got = await takeOne(client, taking, protocol);
    if (got.kind === "held") {
      for (const claim of claims) await discard(client, claim);
      return got;
    }
    claims.push(got.claim);
  }
  return { kind: "taken", claims };
}

type One = { readonly kind: "mine"; readonly claim: ClaimObject } | (TakeOutcome & { readonly kind: "held" });

async function takeOne(client: KubeClient, taking: Taking, protocol: Protocol): Promise<One> {
  const { candidate, pool, holder, mayTakeOver } = taking;
  const { slot, port } = candidate;
  const name = claimName(slot, protocol, port);
  const spec = { slot, protocol, port, pool, ...holder };
  const body = { apiVersion: API_VERSION, kind: "PortClaim", metadata: { name }, spec };
  let known: ClaimObject | undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return { kind: "mine", claim: await createObject<ClaimObject>(client, { resource: portClaims }, body) };
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    known = await getObject<ClaimObject>(client, { resource: portClaims, name });
    if (known === undefined) continue;
    if (isMine(known, holder)) return { kind: "mine", claim: known };
    if (known.status?.releasedAt !== undefined || mayTakeOver?.(known) !== true) break;
    const { status: _status, ...rest } = known;
    const handed = await updateObject<ClaimObject>(client, { resource: portClaims, name }, { ...rest, spec }).catch(
      (error: unknown) => {
        if (!isConflict(error)) throw error;
      },
    );
    if (handed !== undefined) return { kind: "mine", claim: handed };
  }
  return { kind: "held", by: known };
}

/** Whether a claim is the holder's and not given back. */
export function isMine({ spec, status }: ClaimObject, { exposure, reservation, stranger }: ClaimHolder): boolean {
  if (status?.releasedAt !== undefined) return false;
  if (exposure !== undefined) return spec.exposure?.uid === exposure.uid;
  if (reservation !== undefined) return spec.reservation?.id === reservation.id;
  return stranger !== undefined && spec.stranger !== undefined;
}

/** Removes a claim that nothing was ever reachable by. */
export async function discard(client: KubeClient, { metadata }: ClaimObject): Promise<void> {
  await deleteObject(client, { resource: portClaims, name: metadata.name }, { uid: metadata.uid }).catch(
    (error: unknown) => {
      if (!isConflict(error)) throw error;
    },
  );
}
