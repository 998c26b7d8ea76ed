import { deleteObject, getObject, until } from "@berth/kube";

import type { CreateParts } from "./create.ts";
import { explain, unknown } from "./objects.ts";
import { exposureReference, exposures } from "./resource.ts";
import type { ExposureObject } from "./resource.ts";
import type { DeleteExposure } from "./types.ts";

/** How long a deletion waits until its port is free, in milliseconds. */
const WAIT = 5_000;

/** Deletes an exposure and waits until the data plane does not carry it any more. Gives it as it was. */
export async function deleteExposure(
  { client, cache, clock, hasten }: CreateParts,
  { target, dryRun }: DeleteExposure,
): Promise<ExposureObject> {
  const { namespace, name } = target;
  const stored = await getObject<ExposureObject>(client, { resource: exposures, namespace, name });
  if (stored === undefined) throw unknown("EXPOSURE", name);
  const { uid } = stored.metadata;
  await deleteObject(client, exposureReference(stored), { uid, dryRun }).catch((error: unknown) => {
    throw explain(error, "EXPOSURE", name);
  });
  if (dryRun) return stored;
  const key = `${namespace}/${name}`;
  const known = () => cache.exposures.get(key);
  await until(cache.exposures, clock, () => known()?.metadata.deletionTimestamp !== undefined || isGone(), WAIT);
  function isGone(): boolean {
    return known()?.metadata.uid !== uid;
  }
  hasten(key);
  await until(cache.exposures, clock, isGone, WAIT);
  return stored;
}
