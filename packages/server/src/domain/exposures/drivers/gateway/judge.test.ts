import assert from "node:assert/strict";
import { test } from "node:test";

import type { Condition } from "@berth/kube";
import { judge } from "./judge.ts";
import type { ListenerSetObject, RouteObject } from "./resources.ts";

const GENERATION = 3;

function condition(
  type: string,
  status: "True" | "False",
  reason: string = type,
  observedGeneration = GENERATION,
): Condition {
  return { type, status, reason, message: `because of ${reason}`, observedGeneration, lastTransitionTime: "" };
}

const GOOD = [condition("Accepted", "True"), condition("Programmed", "True")];

function set(conditions: Condition[], listener: Condition[] = GOOD, attachedRoutes = 1): ListenerSetObject {
  return {
    metadata: { name: "exposed-1", namespace: "n", generation: GENERATION },
    spec: { parentRef: { name: "g" }, listeners: [{ name: "tcp", protocol: "TCP", port: 1 }] },
    status: { conditions, listeners: [{ name: "tcp", conditions: listener, attachedRoutes }] },
  };
}

function route(conditions: Condition[], name = "exposed-1"): ReadonlyMap<"tcp", RouteObject> {
  const metadata = { name: "exposed-1", namespace: "n", generation: GENERATION };
  const parents = [{ parentRef: { name }, conditions }];
  return new Map([["tcp", { kind: "TCPRoute", metadata, spec: { rules: [] }, status: { parents } }]]);
}

const ACCEPTED = route([condition("Accepted", "True"), condition("ResolvedRefs", "True")]);

test("it is ready when ListenerSet, listener and route are", () => {
  assert.deepEqual(judge(set(GOOD), ACCEPTED), { kind: "ready" });
});

test("what is missing is said in the implementation's words", () => {
  const cases: readonly (readonly [ListenerSetObject, ReadonlyMap<"tcp", RouteObject>, RegExp])[] = [
    [set([]), ACCEPTED, /has not looked at the ListenerSet/],
    [set([condition("Accepted", "True", "Accepted", GENERATION - 1)]), ACCEPTED, /has not looked at the ListenerSet/],
    [set([condition("Accepted", "False", "Pending")]), ACCEPTED, /not Accepted \(Pending\): because of Pending/],
    [set([condition("Accepted", "True")]), ACCEPTED, /not programmed yet/],
    [
      set([condition("Accepted", "True"), condition("Programmed", "False", "AddressNotAssigned")]),
      ACCEPTED,
      /AddressNotAssigned/,
    ],
    [set(GOOD, [condition("Programmed", "False", "Pending")]), ACCEPTED, /tcp listener is not Programmed \(Pending\)/],
    [set(GOOD, GOOD, 0), ACCEPTED, /No route is attached/],
    [set(GOOD, GOOD, 2), ACCEPTED, /2 routes are attached/],
    [set(GOOD), route([]), /has not looked at the TCPRoute/],
    [set(GOOD), route(GOOD, "another"), /has not looked at the TCPRoute/],
    [
      set(GOOD),
      route([condition("Accepted", "False", "NoMatchingParent")]),
      /TCPRoute is not Accepted \(NoMatchingParent\)/,
    ],
    [
      set(GOOD),
      route([condition("Accepted", "True"), condition("ResolvedRefs", "False", "BackendNotFound")]),
      /not ResolvedRefs \(BackendNotFound\)/,
    ],
  ];
  for (const [given, routes, words] of cases) {
    const verdict = judge(given, routes);
    assert.equal(verdict.kind, "pending", String(words));
    assert.match(verdict.kind === "pending" ? verdict.message : "", words);
  }
});

test("a port that another listener has is a stranger's, also where nothing else was said", () => {
  for (const clash of [
    condition("Conflicted", "True", "ProtocolConflict"),
    condition("Accepted", "False", "PortUnavailable"),
  ]) {
    const verdict = judge(set([condition("Accepted", "False", "ListenersNotValid")], [clash]), ACCEPTED);
    assert.deepEqual([verdict.kind, verdict.kind === "stranger" && verdict.protocol], ["stranger", "tcp"]);
  }
});

test("what does not pass is refused", () => {
  assert.throws(() => judge(set([condition("Accepted", "False", "NotAllowed")]), ACCEPTED), { code: "DRIVER_REFUSED" });
  const refused = route([condition("Accepted", "False", "NotAllowedByListeners")]);
  assert.throws(() => judge(set(GOOD), refused), /NotAllowedByListeners/);
});
