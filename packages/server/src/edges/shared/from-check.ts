import { check } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";

import type { CheckedObject, CheckedRelease } from "../../domain/releases/index.ts";
import { fromError, fromObject, fromRelease } from "./from-domain.ts";

const STATES = {
  inSync: check.CheckState.IN_SYNC,
  drifted: check.CheckState.DRIFTED,
  missing: check.CheckState.MISSING,
  unknown: check.CheckState.UNKNOWN,
} as const;

/** A checked release as berth.v1 has it. */
export function fromChecked({
  release,
  objects,
}: CheckedRelease): MessageInitShape<typeof check.CheckReleaseResponseSchema> {
  const summary = { inSync: 0, drifted: 0, missing: 0, unknown: 0 };
  for (const { state } of objects) summary[state] += 1;
  return {
    release: fromRelease(release),
    inSync: summary.inSync === objects.length,
    objects: objects.map(fromCheckedObject),
    summary,
  };
}

function fromCheckedObject({ object, state, fields, error }: CheckedObject) {
  return {
    object: fromObject(object),
    state: STATES[state],
    fields: [...fields],
    ...(error === undefined ? {} : { error: fromError(error) }),
  };
}
