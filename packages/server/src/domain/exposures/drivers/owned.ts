import type { KubeObject } from "@berth/kube";

import { API_VERSION } from "../resource.ts";
import type { ExposureHolder } from "../resource.ts";

/*
 * Objects that a driver makes for one exposure alone, in its namespace: they
 * belong to it, so that nothing outlives it.
 */

/** Label with the exposure's name. */
export const EXPOSURE_LABEL = "berth.dev/exposure";

/** Name of an exposure's own objects: nobody else's, also where an exposure of its name was there before. */
export function ownName({ uid }: Pick<ExposureHolder, "uid">): string {
  return `exposed-${uid.replaceAll("-", "").slice(0, 20)}`;
}

/** Metadata of an exposure's own object. */
export function ownMetadata(exposure: ExposureHolder) {
  const { name, namespace, uid } = exposure;
  return {
    ...{ name: ownName(exposure), namespace, labels: { [EXPOSURE_LABEL]: name } },
    ownerReferences: [{ apiVersion: API_VERSION, kind: "Exposure", name, uid, controller: true }],
  };
}

/** Whether an object was made for an exposure: a label alone anybody may set. */
export function isOwn({ metadata }: KubeObject): boolean {
  const isOwned = metadata.ownerReferences?.some(
    ({ kind, apiVersion }) => kind === "Exposure" && apiVersion === API_VERSION,
  );
  return metadata.labels?.[EXPOSURE_LABEL] !== undefined && isOwned === true;
}
