import { boundText } from "@berth/base";
import type { BerthError } from "@berth/base";
import { toReady } from "@berth/kube";
import type { Condition } from "@berth/kube";

import { readyOf } from "./resource.ts";

/** Characters of a message that a status carries. */
const MAX_MESSAGE = 1024;

/** What the condition Ready is to say. */
export interface Verdict {
  readonly status: "True" | "False";
  /** Ready, Pending, or an error's code. */
  readonly reason: string;
  readonly message: string;
}

/** All is well. */
export function ready(message: string): Verdict {
  return { status: "True", reason: "Ready", message };
}

/** Not yet. */
export function pending(message: string): Verdict {
  return { status: "False", reason: "Pending", message };
}

/** Not so, and why. */
export function refused({ code, message, hint }: BerthError): Verdict {
  return { status: "False", reason: code, message: `${message} ${hint}` };
}

/** The conditions after a verdict: the time changes only with the status. Pure. */
export function conditionsOf(
  before: { readonly conditions?: readonly Condition[] } | undefined,
  verdict: Verdict,
  observedGeneration: number,
  now: number,
): readonly Condition[] {
  const message = boundText(verdict.message, MAX_MESSAGE);
  return [toReady(readyOf(before), { ...verdict, message }, observedGeneration, now)];
}

/** Whether two statuses say the same, whatever the order of their fields. Pure. */
export function isSameStatus(a: object | undefined, b: object | undefined): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(
          Object.entries(one)
            .filter(([, inner]) => inner !== undefined)
            .sort(([x], [y]) => (x < y ? -1 : 1)),
        )
      : one,
  );
}
