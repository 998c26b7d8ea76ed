import { getObject } from "@berth/kube";

import { hasClaims, releaseClaim } from "./claims/release.ts";
import { holderOf } from "./claims/secure.ts";
import type { SecureParts } from "./claims/secure.ts";
import { isMine } from "./claims/take.ts";
import { claimName, portClaims, protocolsOf } from "./resource.ts";
import type { ClaimObject, ExposureObject } from "./resource.ts";

/**
 * Takes an exposure's ports off the data plane, and then frees them. Only what
 * its claims say is its own is touched, as the API server has them now.
 */
export async function releasePorts(parts: SecureParts, exposure: ExposureObject): Promise<void> {
  const { client, cache, clock, drivers } = parts;
  const holder = holderOf(exposure);
  const own = await ownClaims(parts, exposure);
  const [first] = own;
  if (first !== undefined) {
    const { slot, port, pool } = first.spec;
    const address = cache.addresses.get(slot);
    const driver = drivers.get(cache.pools.get(pool)?.spec.driver ?? "");
    const protocols = own.map(({ spec }) => spec.protocol);
    const isStillOurs = () => hasClaims(client, holder, { slot, port, protocols });
    if (address !== undefined) await driver?.remove({ exposure: holder, address, port, protocols, isStillOurs });
  }
  const names = new Set(own.map(({ metadata }) => metadata.name));
  const strays = cache.claims.byIndex("exposure", holder.uid).filter(({ metadata }) => !names.has(metadata.name));
  for (const claim of [...own, ...strays]) await releaseClaim(client, claim, clock.now());
}

async function ownClaims({ client }: SecureParts, exposure: ExposureObject): Promise<readonly ClaimObject[]> {
  const claim = exposure.status?.claim;
  if (claim === undefined) return [];
  const names = protocolsOf(exposure.spec).map((protocol) => claimName(claim.slot, protocol, claim.port));
  const found = await Promise.all(names.map((name) => getObject<ClaimObject>(client, { resource: portClaims, name })));
  const holder = { exposure: holderOf(exposure) };
  return found.flatMap((one) => (one !== undefined && isMine(one, holder) ? [one] : []));
}
