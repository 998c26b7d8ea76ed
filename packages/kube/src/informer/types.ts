import type { Clock, Logger } from "@berth/base";

import type { KubeClient } from "../client.ts";
import type { KubeObject, Resource } from "../object.ts";

/** Where an informer is. It stops only when told to. */
export type InformerState =
  | { readonly name: "idle" }
  /** Reads the first list. */
  | { readonly name: "starting" }
  /** Holds everything and follows changes. */
  | { readonly name: "synced" }
  /** Holds what it knew `since` (wall clock, ms); tries again and again. */
  | { readonly name: "reconnecting"; readonly since: number; readonly error: string }
  /** There is more than it may hold: it holds what it knew `since`, and looks again now and then whether it is less. */
  | { readonly name: "full"; readonly since: number; readonly error: string; readonly limit: number }
  | { readonly name: "stopped" };

/** A change of the cache, after it was made. */
export type CacheChange<T> =
  | { readonly type: "added"; readonly key: string; readonly object: T }
  | { readonly type: "modified"; readonly key: string; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly key: string; readonly previous: T };

/** Named indexes: the values under which an object is found again. */
export type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

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
  readonly indexes?: IndexFunctions<T> | undefined;
  /** Hears each state, after it was entered. */
  readonly onState?: ((state: InformerState) => void) | undefined;
  /** False lists page by page; else a streaming list is tried first. */
  readonly streamingList?: boolean | undefined;
  /** Objects of one page of a list; 500 where absent. */
  readonly pageSize?: number | undefined;
  /** Objects held at most; beyond, its state is `full`. 500,000 where absent. */
  readonly maxObjects?: number | undefined;
  /** A watch without event or bookmark for so many ms is renewed; 150,000 where absent, bookmarks come each minute. */
  readonly silenceMs?: number | undefined;
  /** A watch that is silent for so many ms has the API server asked whether it answers at all; 10,000 where absent. */
  readonly pulseMs?: number | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 to 1; for tests. */
  readonly random?: (() => number) | undefined;
}

/** A cache of a resource that follows the API server. Keys are `namespace/name`, or `name`. */
export interface Informer<T> {
  /** Begins; a second call does nothing. */
  start(): void;
  /** Ends for good and resolves once nothing is under way. What it holds stays readable. */
  stop(): Promise<void>;
  state(): InformerState;
  /** Whether a whole list was read since the start. */
  hasSynced(): boolean;
  /** Resolves once it has; rejects with the signal's reason, or UNAVAILABLE when it is stopped before. */
  synced(signal?: AbortSignal): Promise<void>;
  size(): number;
  get(key: string): T | undefined;
  list(): T[];
  byIndex(index: string, value: string): T[];
  /** Milliseconds since the API server last told anything, bookmarks too; Infinity before it has. */
  silentMs(): number;
  /** The cache holds everything up to this resourceVersion; empty before the first list. */
  resourceVersion(): string;
  /**
   * Waits until the cache holds everything up to a resourceVersion, of whatever
   * resource; false after `timeoutMs`. Where no event tells, the API server is
   * asked. INVALID_ARGUMENT for what is no resourceVersion.
   */
  waitFor(resourceVersion: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  /** Follows changes; the function given back ends it. */
  onChange(listener: (change: CacheChange<T>) => void): () => void;
}
