import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { applyObject, createWorkQueue, getObject, isConflict } from "@berth/kube";
import type { Outcome } from "@berth/kube";

import {
  API_VERSION,
  KIND,
  REFRESH,
  chartSources,
  intervalOf,
  isSame,
  nextStatus,
  readCredentials,
} from "../domain/chart-sources/index.ts";
import type {
  Finding,
  Inputs,
  SourceCache,
  SourceCredentials,
  SourceObject,
  StoredSpec,
} from "../domain/chart-sources/index.ts";
import type { Cluster } from "../domain/clusters/index.ts";

/** Sources asked at once. */
const CONCURRENCY = 4;
/** Part of the interval by which replicas drift apart. */
const JITTER = 0.1;
/** The first repetition after a failure, in milliseconds; the interval bounds them. */
const FIRST_RETRY = 30_000;
/** A source and its Secret are made one after the other: so long nothing is said of the missing one, in milliseconds. */
const GRACE = 5_000;
const GRACE_RETRY = 250;
/** How often a status is written anew that another replica was faster with. */
const TRIES = 3;
/** Characters of the annotation that count. */
const MAX_REFRESH = 256;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface ChartSourceControllerParts {
  readonly home: Cluster;
  readonly cache: SourceCache;
  /** Asks a source; rejects where it is not the source that is at fault. */
  readonly ask: (spec: StoredSpec, credentials: SourceCredentials) => Promise<Finding>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Asks each source at its interval, and when it or its Secret changes, and says in its status how it went. */
export interface ChartSourceController {
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** What this replica knows of a source: what it asked with, how often in vain, and when it asks again. */
interface Known {
  readonly inputs: Inputs;
  readonly failures: number;
  readonly until: number;
}

/** Makes the controller, which works as the cache tells it of sources. Each replica has one: what it refreshes is its own cache, what it writes is the same for all. */
export function createChartSourceController(parts: ChartSourceControllerParts): ChartSourceController {
  const { cache, log, clock } = parts;
  const known = new Map<string, Known>();
  const queue = createWorkQueue({
    name: "chart-sources",
    handle: (key, signal) => orAborted(handle(parts, known, key), signal),
    concurrency: CONCURRENCY,
    log,
    clock,
  });
  const end = cache.onChange((key) => queue.add(key));
  return {
    async stop() {
      end();
      await queue.stop(STOP);
    },
  };
}

async function handle(parts: ChartSourceControllerParts, known: Map<string, Known>, key: string): Promise<Outcome> {
  const { cache, clock } = parts;
  const source = cache.get(key);
  if (source === undefined) {
    known.delete(key);
    return { kind: "done" };
  }
  const read = await readSecret(parts, source);
  const inputs = inputsOf(source, read.version);
  const before = known.get(key);
  const rest = before !== undefined && isSame(before.inputs, inputs) ? before.until - clock.monotonic() : 0;
  if (rest > 0) return { kind: "requeueAfter", ms: rest };
  if (read.error !== undefined && isYoung(source, clock)) return { kind: "requeueAfter", ms: GRACE_RETRY };

  const finding = await find(parts, source, read);
  await report(parts, source, inputs, finding);
  if (finding.kind === "suspended") {
    known.delete(key);
    return { kind: "done" };
  }
  const isRepeated = before !== undefined && isSame(before.inputs, inputs);
  const failures = finding.kind === "failed" ? (isRepeated ? before.failures : 0) + 1 : 0;
  const ms = restAfter(intervalOf(source.spec), failures);
  known.set(key, { inputs, failures, until: clock.monotonic() + ms });
  return { kind: "requeueAfter", ms };
}

/** A source may take a minute to answer: a stop does not wait for it. */
async function orAborted(work: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

interface SecretReading {
  readonly credentials: SourceCredentials;
  readonly version: string;
  /** Set where the Secret is missing. */
  readonly error?: BerthError;
}

async function readSecret({ home }: ChartSourceControllerParts, source: SourceObject): Promise<SecretReading> {
  try {
    return await readCredentials(home.client, source.metadata.namespace ?? "", source.spec.secretRef?.name);
  } catch (error) {
    if (error instanceof BerthError && error.code === "SECRET_NOT_FOUND")
      return { credentials: {}, version: "", error };
    throw error;
  }
}

async function find(
  { ask }: ChartSourceControllerParts,
  { spec }: SourceObject,
  { credentials, error }: SecretReading,
): Promise<Finding> {
  if (spec.suspend === true) return { kind: "suspended" };
  return error === undefined ? ask(spec, credentials) : { kind: "failed", error };
}

/** Writes the status, if that is to be written, over just the one that was read. */
async function report(
  { home, clock, log }: ChartSourceControllerParts,
  { metadata, spec }: SourceObject,
  inputs: Inputs,
  finding: Finding,
): Promise<void> {
  const { namespace, name, uid } = metadata;
  const reference = { resource: chartSources, namespace, name };
  for (let tries = 1; ; tries++) {
    const stored = await getObject<SourceObject>(home.client, reference);
    // Another source by now, or another wish: the watch tells of it, and it is asked anew.
    if (stored?.metadata.uid !== uid || stored?.metadata.generation !== inputs.generation) return;
    const moment = { now: clock.now(), intervalMs: intervalOf(spec) };
    const status = nextStatus(stored.status ?? {}, inputs, finding, moment);
    if (status === undefined) return;
    const { resourceVersion } = stored.metadata;
    const body = { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name, resourceVersion }, status };
    try {
      const options = { fieldManager: "berth-chart-sources", force: true };
      await applyObject(home.client, { ...reference, subresource: "status" }, body, options);
      const code = finding.kind === "failed" ? finding.error.code : "";
      log.debug({ namespace, name, finding: finding.kind, code }, "the status of a chart source is written");
      return;
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error;
    }
  }
}

function inputsOf({ metadata }: SourceObject, secretVersion: string): Inputs {
  const refresh = metadata.annotations?.[REFRESH] ?? "";
  return { generation: metadata.generation ?? 0, secretVersion, refresh: refresh.slice(0, MAX_REFRESH) };
}

function isYoung({ metadata }: SourceObject, clock: Clock): boolean {
  return Math.abs(clock.now() - Date.parse(metadata.creationTimestamp ?? "")) < GRACE;
}

function restAfter(interval: number, failures: number): number {
  if (failures === 0) return interval * (1 + JITTER * Math.random());
  return backoff(failures - 1, { initial: FIRST_RETRY, max: interval });
}
