import { operation, plan } from "@berth/contract";
import type { releaseService } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Plan, PlannedHook, PlannedObject, Rendered } from "../../domain/releases/index.ts";
import { fromError, fromHook, fromObject } from "./from-domain.ts";

/** Bytes that Kubernetes stores in one Secret or ConfigMap. */
const RECORD_LIMIT = 1_048_576n;

const CHANGES = {
  create: plan.PlannedChange.CREATE,
  update: plan.PlannedChange.UPDATE,
  unchanged: plan.PlannedChange.UNCHANGED,
  delete: plan.PlannedChange.DELETE,
  keep: plan.PlannedChange.KEEP,
} as const;

/** A plan as berth.v1 has it. */
export function fromPlan(made: Plan): MessageInitShape<typeof plan.PlanSchema> {
  const { token, verb, chart, chartDigest, revision, objects, hooks, crds, valuesDiff, encodedSize, redacted } = made;
  return {
    ...{ token, chart: { ...chart }, chartDigest, revision, valuesDiff, redacted },
    verb: verb === "install" ? operation.Verb.INSTALL : operation.Verb.UPGRADE,
    objects: objects.map(fromPlannedObject),
    hooks: hooks.map(fromPlannedHook),
    crds: crds.map(({ change, error, ...crd }) => ({
      ...crd,
      change: CHANGES[change],
      ...(error === undefined ? {} : { error: fromError(error) }),
    })),
    encodedSize: BigInt(encodedSize),
    encodedSizeLimit: RECORD_LIMIT,
    summary: summarise(objects),
  };
}

function fromPlannedHook({ error, events, deletePolicies, ...hook }: PlannedHook) {
  const { name, kind, path, weight, manifest } = hook;
  return {
    ...{ name, kind, path, weight, manifest, events: [...events], deletePolicies: [...deletePolicies] },
    ...(error === undefined ? {} : { error: fromError(error) }),
  };
}

function fromPlannedObject({ object, change, error, ...texts }: PlannedObject) {
  return {
    ...texts,
    object: fromObject(object),
    change: CHANGES[change],
    ...(error === undefined ? {} : { error: fromError(error) }),
  };
}

function summarise(objects: readonly PlannedObject[]) {
  const summary = { create: 0, update: 0, unchanged: 0, delete: 0, keep: 0, refused: 0 };
  for (const { change, error } of objects) {
    summary[change] += 1;
    if (error !== undefined) summary.refused += 1;
  }
  return summary;
}

/** A rendered chart as berth.v1 has it. */
export function fromRendered(made: Rendered): MessageInitShape<typeof releaseService.RenderReleaseResponseSchema> {
  const { manifest, notes, hooks, chartDigest, encodedSize } = made;
  return { manifest, notes, chartDigest, hooks: hooks.map(fromHook), encodedSize: BigInt(encodedSize) };
}
