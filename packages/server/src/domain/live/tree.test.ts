import assert from "node:assert/strict";
import { test } from "node:test";

import type { LiveObject } from "./live-object.ts";
import { nodeKey, ownerKey } from "./live-object.ts";
import { buildTree } from "./tree.ts";
import type { Known } from "./tree.ts";

const namespace = "here";
const API: Readonly<Record<string, string>> = { Pod: "v1", Job: "batch/v1", CronJob: "batch/v1" };
const objectOf = (kind: string, name: string, at = namespace) => {
  return { apiVersion: API[kind] ?? "apps/v1", kind, namespace: at, name };
};

function live(kind: string, name: string, owner?: string, options: { uid?: string; at?: string } = {}): LiveObject {
  const [ownerKind = "", ownerName = ""] = (owner ?? "").split("/");
  const key = ownerKey({ apiVersion: API[ownerKind] ?? "apps/v1", kind: ownerKind, name: ownerName });
  return {
    object: objectOf(kind, name, options.at),
    uid: `uid-${name}`,
    owners: owner === undefined ? [] : [{ key, uid: options.uid ?? `uid-${ownerName}` }],
    ...{ status: "Current", reason: "", createTime: undefined, pod: undefined },
  };
}

function knownOf(objects: readonly LiveObject[]): Known {
  return {
    find: (object) => objects.find((one) => nodeKey(one.object) === nodeKey(object)),
    owned: (owner, at) =>
      objects.filter(
        (one) => (at === "" || one.object.namespace === at) && one.owners.some(({ key }) => key === owner),
      ),
  };
}

const root = (kind: string, name: string, at?: string) => ({
  ...{ object: objectOf(kind, name, at), status: "InProgress", reason: "why" },
});

function named(objects: readonly LiveObject[], roots: readonly ReturnType<typeof root>[], limit?: number): string[] {
  const { nodes } = buildTree(roots, knownOf(objects), limit);
  return nodes.map(({ object, owner }) => `${owner === undefined ? "" : `${owner.name} > `}${object.name}`);
}

test("what is owned stands behind its owner, and only what is owned", () => {
  const objects = [
    live("Deployment", "web"),
    live("ReplicaSet", "web-1", "Deployment/web"),
    live("Pod", "web-1-b", "ReplicaSet/web-1"),
    live("Pod", "web-1-a", "ReplicaSet/web-1"),
    live("Pod", "alone"),
    live("Pod", "elsewhere", "ReplicaSet/web-1", { at: "there" }),
    live("CronJob", "tick"),
    live("Job", "tick-1", "CronJob/tick"),
    live("Pod", "tick-1-x", "Job/tick-1"),
  ];
  const expected = ["web", "web > web-1", "web-1 > web-1-a", "web-1 > web-1-b", "tick", "tick > tick-1"];
  assert.deepEqual(named(objects, [root("Deployment", "web"), root("CronJob", "tick")]), [
    ...expected,
    "tick-1 > tick-1-x",
  ]);
});

test("an object that was made anew does not own what its namesake left", () => {
  const objects = [live("Deployment", "web"), live("ReplicaSet", "old", "Deployment/web", { uid: "uid-before" })];
  assert.deepEqual(named(objects, [root("Deployment", "web")]), ["web"]);
  // Where nobody knows the owner's uid, its name has to do: an operator's object that is not watched.
  assert.deepEqual(named(objects.slice(1), [root("Deployment", "web")]), ["web", "web > old"]);
});

test("an owner of a whole cluster owns in every namespace that is looked at", () => {
  const objects = [live("Pod", "one", "Thing/all", { at: "a" }), live("Pod", "two", "Thing/all", { at: "b" })];
  assert.deepEqual(named(objects, [root("Thing", "all", "")]), ["all", "all > one", "all > two"]);
});

test("what the manifest has is told once, as the engine judges it; a circle ends, and so does a limit", () => {
  const objects = [live("Deployment", "a", "Deployment/b"), live("Deployment", "b", "Deployment/a")];
  assert.deepEqual(named(objects, [root("Deployment", "a")]), ["a", "a > b"]);
  assert.deepEqual(named(objects, [root("Deployment", "a"), root("Deployment", "b")]), ["a", "b"]);
  const { nodes, truncated } = buildTree([root("Deployment", "a")], knownOf(objects), 1);
  assert.deepEqual([nodes.length, truncated, nodes[0]?.status, nodes[0]?.uid], [1, true, "InProgress", "uid-a"]);
});
