import assert from "node:assert/strict";
import { test } from "node:test";

import { holdersOf } from "./listeners.ts";
import type { GatewayObject, ListenerSetObject } from "./resources.ts";

const gateway: GatewayObject = {
  metadata: { name: "edge", namespace: "g" },
  spec: { listeners: [{ name: "http", protocol: "HTTP", port: 80 }] },
};

function set(name: string, seconds: number, port: number, protocol = "TCP"): ListenerSetObject {
  return {
    metadata: { name, namespace: "n", creationTimestamp: `2026-01-01T00:00:0${String(seconds)}Z` },
    spec: { parentRef: { name: "edge", namespace: "g" }, listeners: [{ name: "one", protocol, port }] },
  };
}

/** Who has which port, in words. */
function holders(...sets: ListenerSetObject[]): readonly string[] {
  return holdersOf(gateway, sets).map((one) => {
    return `${one.protocol} ${String(one.port)} ${one.set?.metadata.name ?? one.name}`;
  });
}

test("the older of two ListenerSets has the port, however they are listed", () => {
  const [ours, later] = [set("ours", 1, 20_000), set("later", 2, 20_000)];
  assert.deepEqual(holders(later, ours), ["tcp 80 http", "tcp 20000 ours"]);
  assert.deepEqual(holders(ours, set("older", 0, 20_000)), ["tcp 80 http", "tcp 20000 older"]);
  assert.deepEqual(holders(ours, set("by-name", 1, 20_000)), ["tcp 80 http", "tcp 20000 by-name"]);
});

test("the Gateway's own listener comes before all, and TCP and UDP do not meet", () => {
  assert.deepEqual(holders(set("tcp", 1, 80), set("udp", 2, 80, "UDP")), ["tcp 80 http", "udp 80 udp"]);
});
