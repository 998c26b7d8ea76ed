import { BerthError } from "@berth/base";
import { engine as wire } from "@berth/contract";
import type { Engine } from "@berth/engine-client";

import type { Principal } from "../../access/index.ts";
import type { ClusterRegistry } from "../../clusters/index.ts";
import type { ReleaseTarget } from "../../command.ts";
import type { StorageFinder } from "../find-storage.ts";
import type { CheckState, CheckedObject, Json, Release, ReleaseReader } from "../types.ts";
import { fromError, fromHook, fromObject, fromObjectStatus, fromRelease, throwError } from "./answer.ts";
import { toTarget } from "./request.ts";

/** What the reader is made of. */
export interface ReaderParts {
  readonly engine: Engine;
  readonly clusters: ClusterRegistry;
  readonly storageOf: StorageFinder;
}

/** Reads what Helm has stored, and what is live, through the engine. */
export function createReleaseReader({ engine, clusters, storageOf }: ReaderParts): ReleaseReader {
  const at = async (principal: Principal, target: ReleaseTarget) =>
    toTarget(clusters.get(target.cluster), principal, target, await storageOf(target));
  return {
    async content(principal, target, revision, { withChart = false, signal } = {}) {
      const answer = await engine.get({ target: await at(principal, target), revision, withChart }, { signal });
      throwError(answer.error);
      return {
        release: fromRelease(target.cluster, present(answer.release, target)),
        values: JSON.parse(answer.valuesJson || "{}") as Record<string, Json>,
        valuesYaml: answer.valuesYaml,
        computedValues: JSON.parse(answer.computedValuesJson || "{}") as Record<string, Json>,
        computedValuesYaml: answer.computedValuesYaml,
        manifest: answer.manifest,
        notes: answer.notes,
        hooks: answer.hooks.map(fromHook),
        chartMetadata: JSON.parse(answer.chartMetadataJson || "{}") as Record<string, Json>,
        chart: answer.chart,
        redacted: { values: false, manifest: false },
      };
    },
    async history(principal, target, max, { signal } = {}): Promise<readonly Release[]> {
      const answer = await engine.history({ target: await at(principal, target), max }, { signal });
      throwError(answer.error);
      return answer.revisions.map((release) => fromRelease(target.cluster, release));
    },
    async status(principal, target, revision, { signal } = {}) {
      const answer = await engine.status({ target: await at(principal, target), revision }, { signal });
      throwError(answer.error);
      const objects = answer.objects.map(fromObjectStatus);
      const ready = objects.every((object) => object.status === "Current");
      return { release: fromRelease(target.cluster, present(answer.release, target)), ready, objects };
    },
    async check(principal, target, { signal } = {}) {
      const answer = await engine.check({ target: await at(principal, target) }, { signal });
      throwError(answer.error);
      const release = fromRelease(target.cluster, present(answer.release, target));
      return { release, objects: answer.objects.map(fromCheckedObject) };
    },
  };
}

const STATES: Readonly<Record<number, CheckState>> = {
  [wire.CheckState.IN_SYNC]: "inSync",
  [wire.CheckState.DRIFTED]: "drifted",
  [wire.CheckState.MISSING]: "missing",
};

function fromCheckedObject({ object, state, fields, error }: wire.CheckedObject): CheckedObject {
  return {
    object: fromObject(object),
    state: STATES[state] ?? "unknown",
    fields: fields.map(({ path, live, wanted }) => ({ path, live, wanted })),
    error: error === undefined ? undefined : fromError(error),
  };
}

function present<T>(release: T | undefined, target: ReleaseTarget): T {
  if (release !== undefined) return release;
  throw new BerthError("RELEASE_NOT_FOUND", `There is no release "${target.name}" in namespace "${target.namespace}".`);
}
