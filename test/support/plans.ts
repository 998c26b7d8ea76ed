import assert from "node:assert/strict";

import type { TestBerth } from "./berth.ts";

/** One object of a plan. */
export interface PlannedObject {
  readonly object: { readonly api_version: string; readonly kind: string; readonly name: string };
  readonly change: string;
  readonly diff: string;
  readonly live: string;
  readonly planned: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A plan as berth.v1 answers it. */
export interface Plan {
  readonly token: string;
  readonly verb: string;
  readonly revision: number;
  readonly chart_digest: string;
  readonly objects: readonly PlannedObject[];
  readonly hooks: readonly {
    readonly name: string;
    readonly error?: { readonly code: string; readonly message: string };
  }[];
  readonly crds: readonly {
    readonly name: string;
    readonly change: string;
    readonly differs: boolean;
    readonly diff: string;
  }[];
  readonly values_diff: string;
  readonly encoded_size: string;
  readonly summary: Record<string, number>;
}

/** Asks for a plan below the releases' path. */
export async function planAt(berth: TestBerth, path: string, body: Record<string, unknown>): Promise<Plan> {
  const { status, body: answer } = await berth.request<Plan>("POST", `${berth.releases}${path}:plan`, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
}

/** One object of a plan by kind, and by name where there are several. */
export function of(made: Plan, kind: string, name?: string): PlannedObject {
  const found = made.objects.find(({ object }) => object.kind === kind && (name ?? object.name) === object.name);
  assert.ok(found, `${kind} ${name ?? ""} is in the plan`);
  return found;
}
