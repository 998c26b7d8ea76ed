import type { Clock, Logger } from "@berth/base";

import type { KubeClient } from "../client.ts";
import type { KubeObject } from "../connection.ts";

/** A resource of the API; `group` is empty for the core group. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** Where an informer is. It stops only when told to. */
export type InformerState =
  | { readonly name: "idle" }
  | { readonly name: "listing" }
  | { readonly name: "watching" }
  | { readonly name: "reconnecting"; readonly error: string }
  | { readonly name: "stopped" };

/** A change of the cache, after it was made. */
export type CacheChange<T> =
  | { readonly type: "added"; readonly key: string; readonly object: T }
  | { readonly type: "modified"; readonly key: string; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly key: string; readonly previous: T };

/** What an informer watches and keeps. */
export interface InformerOptions<T> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** All namespaces where absent. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Asks for PartialObjectMetadata: the objects' bodies never leave the API server. */
  readonly metadataOnly?: boolean | undefined;
  /** What is kept of an object; undefined: nothing. */
  readonly transform: (object: KubeObject) => T | undefined;
  /** Named indexes: the values under which an object is found again. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>> | undefined;
  /** Objects of one page of a list; 500 where absent. */
  readonly pageSize?: number | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
}

/** A cache of a resource that follows the API server. Keys are `namespace/name`, or `name`. */
export interface Informer<T> {
  start(): void;
  stop(): Promise<void>;
  state(): InformerState;
  /** Whether a whole list was read since the start. */
  hasSynced(): boolean;
  /** Resolves once it has synced; rejects with the signal's reason. */
  synced(signal?: AbortSignal): Promise<void>;
  get(key: string): T | undefined;
  list(): T[];
  byIndex(index: string, value: string): T[];
  /** The cache holds everything up to this resourceVersion. */
  resourceVersion(): string;
  /** Waits until it does; false after `timeoutMs`. */
  waitFor(resourceVersion: string, timeoutMs: number): Promise<boolean>;
  /** Follows changes; the function given back ends it. */
  onChange(listener: (change: CacheChange<T>) => void): () => void;
}
