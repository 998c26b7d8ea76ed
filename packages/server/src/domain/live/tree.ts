import type { ObjectName } from "@berth/base";

import type { ObjectStatus } from "../releases/index.ts";
import { nodeKey, ownerKey } from "./live-object.ts";
import type { LiveObject } from "./live-object.ts";
import type { TreeNode } from "./types.ts";

/** Nodes that are told of one release. */
const MAX_NODES = 5_000;

/** What is known of a cluster's objects, for a tree. */
export interface Known {
  /** An object of a manifest, where a watch has it. */
  find(object: ObjectName): LiveObject | undefined;
  /** Objects that name such an owner (`ownerKey`), in one namespace, or in all where it is empty. */
  owned(owner: string, namespace: string): readonly LiveObject[];
}

/** The objects of a manifest, each followed by what it owns. */
export function buildTree(
  roots: readonly ObjectStatus[],
  known: Known,
  limit: number = MAX_NODES,
): { readonly nodes: readonly TreeNode[]; readonly truncated: boolean } {
  const nodes = new Map<string, TreeNode>();
  let truncated = false;
  const add = (node: TreeNode): void => {
    const key = nodeKey(node.object);
    // What owns itself by way of others is told once.
    if (nodes.has(key)) return;
    if (nodes.size >= limit) {
      truncated = true;
      return;
    }
    nodes.set(key, node);
    const { object, uid } = node;
    const owner = ownerKey(object);
    for (const child of known.owned(owner, object.namespace).toSorted(compare)) {
      const isMeant = child.owners.some((one) => one.key === owner && (uid === "" || one.uid === uid));
      if (isMeant && !listed.has(nodeKey(child.object))) add({ ...shown(child), owner: object });
    }
  };
  const listed = new Set(roots.map(({ object }) => nodeKey(object)));
  for (const { object, status, reason } of roots) {
    const found = known.find(object);
    const live = found === undefined ? { uid: "", createTime: undefined, pod: undefined } : shown(found);
    add({ ...live, object, owner: undefined, status, reason });
  }
  return { nodes: [...nodes.values()], truncated };
}

function shown({ object, uid, status, reason, createTime, pod }: LiveObject): Omit<TreeNode, "owner"> {
  return { object, uid, status, reason, createTime, pod };
}

/** By kind, the newest first, then by name. */
function compare(a: LiveObject, b: LiveObject): number {
  const [kindA, kindB] = [a.object.kind, b.object.kind];
  if (kindA !== kindB) return kindA < kindB ? -1 : 1;
  const age = (b.createTime?.getTime() ?? 0) - (a.createTime?.getTime() ?? 0);
  return age !== 0 ? age : a.object.name < b.object.name ? -1 : 1;
}
