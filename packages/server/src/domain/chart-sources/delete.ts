import { deleteObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { referenceTo, rewriteSource } from "./objects.ts";
import type { SourceObject } from "./resource.ts";
import type { DeleteSource } from "./types.ts";

/** Deletes a source; its Secret belongs to it and goes with it. Gives it as it was. */
export function deleteSource(client: KubeClient, command: DeleteSource): Promise<SourceObject> {
  return rewriteSource(client, command, async (current) => {
    const { uid, resourceVersion } = current.metadata;
    await deleteObject(client, referenceTo(command.target), { uid, resourceVersion, dryRun: command.dryRun });
    return current;
  });
}
