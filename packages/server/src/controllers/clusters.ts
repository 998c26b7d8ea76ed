import { asBerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import {
  applyObject,
  createKubeClient,
  createSwitchableClient,
  createWorkQueue,
  getObject,
  isConflict,
  patchObject,
} from "@berth/kube";
import type { ClusterConnection, Outcome, SwitchableClient } from "@berth/kube";

import type { Cluster, ClusterRegistry } from "../domain/clusters/index.ts";
import {
  API_VERSION,
  FINALIZER,
  KIND,
  NO_FACTS,
  connectionOf,
  declaredClusters,
  dropSecret,
  failed,
  nextStatus,
  probe,
  sameList,
} from "../domain/declared-clusters/index.ts";
import type { ClusterCache, ClusterFacts, ClusterObject, ConnectParts } from "../domain/declared-clusters/index.ts";

/** Clusters asked at once: one that does not answer keeps nobody waiting. */
const CONCURRENCY = 16;
/** How often a cluster is asked how it is, and its Secret read again, in milliseconds. */
const INTERVAL = 10_000;
/** Part of the interval by which replicas drift apart. */
const JITTER = 0.2;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface ClusterControllerParts {
  readonly registry: ClusterRegistry;
  readonly cache: ClusterCache;
  /** Berth's own namespace. */
  readonly namespace: string;
  readonly pod: ConnectParts["pod"];
  /** Begins to follow a cluster, in place of one of its name. */
  readonly join: (cluster: Cluster) => void;
  readonly leave: (name: string) => Promise<void>;
  /** Hears how a cluster is, each time that it was asked. */
  readonly onFacts: (cluster: Cluster, facts: ClusterFacts) => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Connects to what is declared, follows its credentials, and says how each cluster is. */
export interface ClusterController {
  start(): void;
  /** Those that were asked how they are. */
  names(): readonly string[];
  /** How this replica sees a cluster, the home too. */
  factsOf(name: string): ClusterFacts;
  stop(): Promise<void>;
}

/** What this replica has of a cluster. */
interface Joined {
  readonly generation: number;
  readonly secretVersion: string;
  readonly connection: ClusterConnection;
  readonly client: SwitchableClient;
}

/** What the controller holds. */
interface Held extends ClusterControllerParts {
  readonly facts: Map<string, ClusterFacts>;
  readonly joined: Map<string, Joined>;
}

/** Makes the controller. Each replica has one: what it joins is its own, what it writes is the same for all. */
export function createClusterController(parts: ClusterControllerParts): ClusterController {
  const { cache, registry, log, clock } = parts;
  const held: Held = { ...parts, facts: new Map(), joined: new Map() };
  const home = registry.home.name;
  const queue = createWorkQueue({
    name: "clusters",
    handle: (key) => (key === home ? lookHome(held) : handle(held, key)),
    concurrency: CONCURRENCY,
    log,
    clock,
  });
  const end = cache.onChange((name) => queue.add(name));
  return {
    start: () => queue.add(home),
    names: () => [...held.facts.keys()],
    factsOf: (name) => held.facts.get(name) ?? NO_FACTS,
    async stop() {
      end();
      await queue.stop(STOP);
      await Promise.all([...held.joined.keys()].map((name) => leave(held, name)));
    },
  };
}

async function lookHome({ registry, facts, clock }: Held): Promise<Outcome> {
  const { name, client } = registry.home;
  facts.set(name, await probe(client, clock, facts.get(name) ?? NO_FACTS));
  return later();
}

async function handle(held: Held, name: string): Promise<Outcome> {
  const object = held.cache.get(name);
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
    await leave(held, name);
    held.registry.remove(name);
    held.facts.delete(name);
    if (object !== undefined) await release(held, object);
    return { kind: "done" };
  }
  const before = held.facts.get(name) ?? NO_FACTS;
  try {
    const client = await connect(held, object);
    const facts = await probe(client, held.clock, before);
    held.facts.set(name, facts);
    if (facts.state === "ready") held.onFacts(held.registry.get(name), facts);
  } catch (error) {
    const { message } = asBerthError(error);
    await leave(held, name);
    held.registry.fail(name, message);
    held.facts.set(name, failed(error, before));
  }
  await report(held, object, held.facts.get(name) ?? NO_FACTS);
  return later();
}

function later(): Outcome {
  return { kind: "requeueAfter", ms: INTERVAL * (1 + JITTER * (Math.random() - 0.5)) };
}

/** Has a connection as the object and its Secret say now. New credentials of the same server break no cache. */
async function connect(held: Held, { metadata, spec }: ClusterObject): Promise<SwitchableClient> {
  const { registry, joined, log, clock } = held;
  const { name, generation = 0 } = metadata;
  const before = joined.get(name);
  const { connection, secretVersion } = await connectionOf({ ...held, home: registry.home.client }, spec).catch(
    (error: unknown) => {
      // The home cannot be asked: that says nothing of this cluster, which is followed as it was.
      if (before?.generation !== generation || isOfCluster(error)) throw error;
      return before;
    },
  );
  if (before?.generation === generation && before.secretVersion === secretVersion) return before.client;
  const fresh = createKubeClient(connection, { log, clock });
  const watchNamespaces = spec.watchNamespaces ?? [];
  const isSamePlace =
    before?.connection.server === connection.server && sameList(registry.get(name).watchNamespaces, watchNamespaces);
  if (before !== undefined && isSamePlace) {
    await before.client.switchTo(fresh);
    registry.put({ name, connection, client: before.client, watchNamespaces });
    joined.set(name, { ...before, connection, generation, secretVersion });
    log.info({ cluster: name }, "a cluster has new credentials");
    return before.client;
  }
  await leave(held, name);
  const client = createSwitchableClient(fresh);
  const cluster = { name, connection, client, watchNamespaces };
  joined.set(name, { generation, secretVersion, connection, client });
  registry.put(cluster);
  held.join(cluster);
  log.info({ cluster: name, server: connection.server }, "a cluster is followed");
  return client;
}

/** Whether a failure to read how a cluster is reached is one of what is declared. */
function isOfCluster(error: unknown): boolean {
  const { code } = asBerthError(error);
  return code === "SECRET_NOT_FOUND" || code === "INVALID_ARGUMENT";
}

async function leave({ joined, leave: forget, log }: Held, name: string): Promise<void> {
  const before = joined.get(name);
  if (before === undefined) return;
  joined.delete(name);
  await forget(name);
  await before.client.close();
  log.info({ cluster: name }, "a cluster is followed no more");
}

/** Lets a deleted cluster go, with the Secret that Berth has made for it. */
async function release({ registry, namespace }: Held, { metadata, spec }: ClusterObject): Promise<void> {
  const { name, finalizers = [], resourceVersion } = metadata;
  if (!finalizers.includes(FINALIZER)) return;
  const { client } = registry.home;
  if (spec.secretRef !== undefined) await dropSecret(client, { namespace, name: spec.secretRef.name, cluster: name });
  const body = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => one !== FINALIZER) } };
  await patchObject(client, { resource: declaredClusters, name }, body).catch((error: unknown) => {
    // Another replica was faster: the watch tells.
    if (!isConflict(error)) throw error;
  });
}

/** Writes the status, if that is to be written, over just the one that was read. */
async function report({ registry, clock }: Held, object: ClusterObject, facts: ClusterFacts): Promise<void> {
  const { name, uid } = object.metadata;
  const reference = { resource: declaredClusters, name };
  const stored = await getObject<ClusterObject>(registry.home.client, reference);
  if (stored === undefined || stored.metadata.uid !== uid) return;
  if (stored.metadata.generation !== object.metadata.generation) return;
  const status = nextStatus(stored, facts, clock.now());
  if (status === undefined) return;
  const { resourceVersion } = stored.metadata;
  const body = { apiVersion: API_VERSION, kind: KIND, metadata: { name, resourceVersion }, status };
  const options = { fieldManager: "berth-clusters", force: true };
  await applyObject(registry.home.client, { ...reference, subresource: "status" }, body, options).catch(
    (error: unknown) => {
      if (!isConflict(error)) throw error;
    },
  );
}
