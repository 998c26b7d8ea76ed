import { BerthError, keepNewest } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { AskOptions, ReleaseTarget } from "../command.ts";
import type { ReleaseIndex } from "./release-index.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { StuckJudge } from "./stuck.ts";
import type { Release, ReleaseReader } from "./types.ts";

/** Releases that are kept, of about 1 KB each. */
const KEPT = 10_000;

/** Single releases from memory: each record is read once, and shown as long as the watch says that it is the newest. */
export interface KeptReleases {
  get(
    principal: Principal,
    target: ReleaseTarget,
    revision: number,
    options: AskOptions & { readonly minResourceVersion: string },
  ): Promise<Release>;
}

/** Makes a memory that is empty. */
export function createKeptReleases(parts: {
  readonly reader: ReleaseReader;
  readonly indexOf: (cluster: string) => ReleaseIndex | undefined;
  readonly stuckOf: StuckJudge;
}): KeptReleases {
  const { reader, indexOf, stuckOf } = parts;
  const kept = new Map<string, Release>();
  return {
    async get(principal, target, revision, { minResourceVersion, ...options }) {
      const index = indexOf(target.cluster);
      // NOT_READY before anything is known.
      index?.checkKnown();
      if (!/^0+$/.test(minResourceVersion)) await index?.waitFor(minResourceVersion);
      const newest = index?.find(target.namespace, target.name);
      if (newest === undefined) throw unknown(target);
      if (revision !== 0 && revision !== newest.revision) throw old(revision);
      const stuck = stuckOf(target.cluster, newest);
      const key = keyOf(target.cluster, newest);
      const known = kept.get(key);
      if (known !== undefined && stuck === undefined) return known;
      const { release } =
        known === undefined ? await reader.content(principal, target, newest.revision, options) : { release: known };
      // What was written meanwhile is another record than the one that the key names.
      const isSame =
        release.status === newest.status && indexOf(target.cluster)?.find(target.namespace, target.name) === newest;
      if (isSame) keepNewest(kept, key, release, KEPT);
      return stuck === undefined ? release : { ...release, stuck };
    },
  };
}

function keyOf(cluster: string, { storage, namespace, objectName, resourceVersion }: StoredRevision): string {
  return `${cluster}/${storage}/${namespace}/${objectName}@${resourceVersion}`;
}

function unknown({ namespace, name }: ReleaseTarget): BerthError {
  const message = `There is no release "${name}" in namespace "${namespace}".`;
  return new BerthError("RELEASE_NOT_FOUND", message, { field: "name" });
}

function old(revision: number): BerthError {
  return new BerthError(
    "INVALID_ARGUMENT",
    `Revision ${String(revision)} is not the newest, which alone is in memory.`,
    {
      field: "min_resource_version",
      hint: "Leave it out for an older revision: it does not change any more.",
    },
  );
}
