import assert from "node:assert/strict";

import type { Answer } from "./berth.ts";

/** An operation as REST answers it. */
export interface OperationAnswer {
  readonly id: string;
  readonly release: string;
  readonly state: string;
  readonly phase: string;
  readonly done: boolean;
  readonly attempts: number;
  readonly replica: string;
  readonly last_event: number;
  readonly retry_of: string;
  readonly result?: {
    readonly release?: ReleaseAnswer;
    readonly chart_digest: string;
    readonly resource_version: string;
  };
  readonly error?: ErrorAnswer;
}

/** A release as REST answers it. */
export interface ReleaseAnswer {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  readonly status: string;
  readonly description: string;
  readonly chart?: { readonly name: string; readonly version: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly provenance: Readonly<Record<string, string>>;
  readonly operation_id: string;
  readonly stuck?: { readonly since: string; readonly reason: string };
}

/** An error as operations and problem details carry it. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message?: string;
  readonly detail?: string;
  readonly field?: string;
  readonly hint?: string;
  readonly object?: { readonly kind: string; readonly name: string };
  readonly reason?: string;
}

/** Asserts that a write succeeded and gives its operation. */
export function succeeded(answer: Answer<OperationAnswer>): OperationAnswer {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(answer.body.error));
  assert.equal(answer.body.done, true);
  return answer.body;
}

/** Asserts that a write ran and failed, and gives its error. */
export function failed(answer: Answer<OperationAnswer>, code: string): ErrorAnswer {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.state, "OPERATION_STATE_FAILED");
  assert.equal(answer.body.error?.code, code, JSON.stringify(answer.body.error));
  assert.notEqual(answer.body.error.hint, "");
  return answer.body.error;
}

/** Asserts that a request was refused, with nothing done, and gives the problem. */
export function refused(answer: Answer<unknown>, status: number, code: string, field?: string): ErrorAnswer {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  const problem = answer.body as ErrorAnswer;
  assert.equal(problem.code, code, JSON.stringify(problem));
  assert.match(answer.headers.get("content-type") ?? "", /application\/problem\+json/);
  assert.ok(problem.hint !== undefined && problem.hint !== "", "a problem has a hint");
  if (field !== undefined) assert.equal(problem.field, field, JSON.stringify(problem));
  return problem;
}

/** Helm's words that mean "not ended". */
export const UNSETTLED = /^(pending-.*|uninstalling)$/;
