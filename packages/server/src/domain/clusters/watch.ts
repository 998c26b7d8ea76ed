import type { Informer } from "@berth/kube";

/** A cache that follows a cluster, by a name that tells it from all others. */
export interface Watch {
  readonly name: string;
  readonly informer: Pick<Informer<never>, "size" | "silentMs" | "state">;
}
