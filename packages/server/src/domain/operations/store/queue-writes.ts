import { BerthError } from "@berth/base";
import { createObject, deleteObject, getObject, isConflict, isNotFound, updateObject } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import { toQueue } from "./cache.ts";
import { ROLE_LABEL, ROLES } from "./names.ts";

const configMaps = { group: "", version: "v1", plural: "configmaps" };
/** How often a queue is written anew where others write it at the same time. */
const APPEND_TRIES = 20;

/** Writes to the queues of releases: the order in which operations stand there is the order asked. */
export interface QueueWrites {
  /** Appends an operation to a queue, once; what `isOver` says of those before is dropped. */
  append(queue: string, id: string, isOver: (id: string) => boolean): Promise<readonly string[]>;
  /** Makes a queue that nobody had. OBJECT_EXISTS where it is there. */
  createQueue(queue: string, id: string): Promise<void>;
  /** Takes out what `isOver` says, and deletes a queue that is empty then. */
  compact(queue: string, isOver: (id: string) => boolean): Promise<void>;
}

/** Makes the writes to the queues of a namespace; `known` is a queue's object as the watch knows it. */
export function createQueueWrites(
  client: KubeClient,
  namespace: string,
  known: (queue: string) => KubeObject | undefined,
): QueueWrites {
  const where = { resource: configMaps, namespace };
  const body = (name: string, names: readonly string[]) => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { [ROLE_LABEL]: ROLES.queue } } },
    data: { operations: names.join("\n") },
  });
  const rewrite = async (
    queue: string,
    change: (names: readonly string[]) => readonly string[] | undefined,
  ): Promise<readonly string[]> => {
    for (let attempt = 1; ; attempt++) {
      // What is known by the watch is tried first: where it is not true any more, the write is refused.
      const found = attempt === 1 ? known(queue) : await getObject(client, { ...where, name: queue });
      try {
        const before = found === undefined ? [] : toQueue(found).operations;
        const wanted = change(before);
        if (wanted === undefined) return before;
        if (found === undefined) {
          if (wanted.length > 0) await createObject(client, where, body(queue, wanted));
        } else if (wanted.length === 0) {
          const { uid, resourceVersion } = found.metadata;
          await deleteObject(client, { ...where, name: queue }, { uid, resourceVersion });
        } else {
          const { metadata } = found;
          await updateObject(client, { ...where, name: queue }, { ...body(queue, wanted), metadata });
        }
        return wanted;
      } catch (error) {
        // A queue is deleted after its last operation: what was found may be gone.
        const isGone = found !== undefined && isNotFound(error);
        if (!isConflict(error) && !isGone) throw error;
        if (attempt >= APPEND_TRIES) throw new BerthError("EXHAUSTED", "Too many ask for this release at once.");
      }
    }
  };
  return {
    append: (queue: string, id: string, isOver: (id: string) => boolean) =>
      rewrite(queue, (names) => (names.includes(id) ? undefined : [...names.filter((name) => !isOver(name)), id])),
    compact: (queue: string, isOver: (id: string) => boolean) =>
      rewrite(queue, (names) => {
        const left = names.filter((name) => !isOver(name));
        return left.length === names.length ? undefined : left;
      }).then(() => undefined),
    async createQueue(queue: string, id: string) {
      await createObject(client, where, body(queue, [id]));
    },
  };
}
