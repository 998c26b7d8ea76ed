import type { Informer } from "@berth/kube";

/** A cache that follows a cluster, by a name that tells it from all others. */
export interface Watch {
  /** Absent: the home cluster. */
  readonly cluster?: string;
  readonly name: string;
  readonly informer: Pick<Informer<never>, "size" | "silentMs" | "state">;
}
