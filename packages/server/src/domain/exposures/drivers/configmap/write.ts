import { BerthError, asBerthError, backoff } from "@berth/base";
import type { Clock } from "@berth/base";
import {
  USER_AGENT,
  createObject,
  getObject,
  hasStatus,
  isConflict,
  isNotFound,
  patchObject,
  updateObject,
} from "@berth/kube";
import type { KubeClient, KubeObject, ManagedFields, ObjectReference, Resource } from "@berth/kube";

import type { Protocol } from "../../resource.ts";
import type { ServiceObject, ServicePort } from "../../service.ts";
import { applyEdits, formatPorts, parsePorts } from "./entries.ts";
import type { Edit, EditResult, Entries } from "./entries.ts";

/** Annotation with the keys that are Berth's. */
const OURS = "berth.dev/ports";
/** How often an object is written anew that others write too. */
const TRIES = 30;

const configMaps: Resource = { group: "", version: "v1", plural: "configmaps" };
const services: Resource = { group: "", version: "v1", plural: "services" };

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Reads what a ConfigMap says; undefined where there is none. */
export async function readEntries(client: KubeClient, key: string): Promise<Entries | undefined> {
  const found = await getObject<ConfigMap>(client, referenceTo(configMaps, key));
  return found === undefined ? undefined : entriesOf(found);
}

/** Writes edits into a ConfigMap, over just the version that was read; makes it where it is missing and wanted. */
export async function editConfigMap(
  { client, clock }: { readonly client: KubeClient; readonly clock: Clock },
  key: string,
  edits: readonly (Edit & Guarded)[],
): Promise<readonly EditResult[]> {
  const reference = referenceTo(configMaps, key);
  return untilWritten(clock, key, async () => {
    const stored = await getObject<ConfigMap>(client, reference);
    // Asked after the object was read: who takes the port from now on writes a newer version of it.
    const held = await areHeld(edits);
    const before = stored === undefined ? EMPTY : entriesOf(stored);
    const {
      after,
      isChanged,
      results: done,
    } = applyEdits(
      before,
      edits.filter((_, index) => held[index]),
    );
    const left = [...done];
    const results = held.map((isHeld) => (isHeld ? (left.shift() ?? {}) : { isLost: true }));
    if (!isChanged) return results;
    const { namespace, name } = reference;
    const annotations = { [OURS]: formatPorts(after.ours) };
    if (stored === undefined) {
      const body = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace, annotations },
        data: after.data,
      };
      await createObject(client, { resource: configMaps, namespace }, body);
      return results;
    }
    const { resourceVersion, managedFields } = stored.metadata;
    const metadata = { resourceVersion, annotations, ...withoutOurs(managedFields) };
    const body = { metadata, data: changesOf(before.data, after.data, edits) };
    await patchObject(client, reference, body, { isBrief: true });
    return results;
  });
}

/**
 * Takes our part out of the API server's notes on who has written which field:
 * the annotation says which keys are ours, and the notes on 10,000 keys cost as
 * much again as the write. An empty entry says that there is to be none.
 */
function withoutOurs(known: readonly ManagedFields[] | undefined): {
  readonly managedFields?: readonly ManagedFields[];
} {
  const others = known?.filter(({ manager, operation }) => manager !== USER_AGENT || operation !== "Update");
  if (others === undefined || others.length === known?.length) return {};
  return { managedFields: others.length === 0 ? [{}] : others };
}

/** The keys that edits have changed, null for those that are gone. */
function changesOf(
  before: Entries["data"],
  after: Entries["data"],
  edits: readonly Edit[],
): Record<string, string | null> {
  const keys = edits.map(({ port }) => String(port)).filter((key) => before[key] !== after[key]);
  return Object.fromEntries(keys.map((key) => [key, after[key] ?? null]));
}

/** What an edit is for may be somebody else's by now. */
export interface Guarded {
  /** Always where absent. */
  readonly isStillOurs?: (() => Promise<boolean>) | undefined;
}

function areHeld(edits: readonly Guarded[]): Promise<readonly boolean[]> {
  return Promise.all(edits.map(({ isStillOurs }) => isStillOurs?.() ?? Promise.resolve(true)));
}

/** A port of the controller's Service that is to be, or not to be. */
export interface PortEdit {
  readonly kind: "set" | "unset";
  readonly protocol: Protocol;
  readonly port: number;
}

/** Writes ports into a Service as `editConfigMap` does. Ports that others made are as good, and stay. */
export async function editServicePorts(
  { client, clock }: { readonly client: KubeClient; readonly clock: Clock },
  key: string,
  edits: readonly (PortEdit & Guarded)[],
): Promise<readonly object[]> {
  const reference = referenceTo(services, key);
  return untilWritten(clock, key, async () => {
    const stored = await getObject<ServiceObject>(client, reference);
    if (stored === undefined) {
      if (edits.every(({ kind }) => kind === "unset")) return edits;
      throw new BerthError("DRIVER_UNAVAILABLE", `There is no Service ${key}.`);
    }
    const held = await areHeld(edits);
    const before = stored.spec.ports ?? [];
    const after = withPorts(
      before,
      edits.filter((_, index) => held[index]),
    );
    if (after === before) return edits;
    await updateObject(client, reference, { ...stored, spec: { ...stored.spec, ports: after } });
    return edits;
  });
}

/** The ports of a Service after edits; the same list where nothing changes. Pure. */
function withPorts(before: readonly ServicePort[], edits: readonly PortEdit[]): readonly ServicePort[] {
  let ports = before;
  for (const { kind, protocol, port } of edits) {
    const name = `berth-${protocol}-${String(port)}`;
    const isSame = (one: ServicePort) => one.port === port && (one.protocol ?? "TCP") === protocol.toUpperCase();
    if (kind === "unset") {
      if (ports.some((one) => isSame(one) && one.name === name)) ports = ports.filter((one) => one.name !== name);
    } else if (!ports.some(isSame)) {
      ports = [...ports, { name, protocol: protocol.toUpperCase(), port, targetPort: port }];
    }
  }
  return ports;
}

const EMPTY: Entries = { data: {}, ours: new Set() };

function entriesOf({ metadata, data = {} }: ConfigMap): Entries {
  return { data, ours: parsePorts(metadata.annotations?.[OURS] ?? "") };
}

function referenceTo(resource: Resource, key: string): ObjectReference {
  const [namespace, name = ""] = key.split("/");
  return { resource, namespace, name };
}

async function untilWritten<T>(clock: Clock, key: string, write: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw explain(error, key);
      await clock.sleep(backoff(tries, { initial: 5, max: 500 }));
    }
  }
}

function explain(error: unknown, key: string): BerthError {
  const ours = asBerthError(error);
  if (isNotFound(ours))
    return new BerthError("DRIVER_UNAVAILABLE", `The namespace of ${key} does not exist.`, { cause: ours });
  if (hasStatus(ours, 422) || hasStatus(ours, 413)) {
    return new BerthError("DRIVER_REFUSED", `${key}: ${ours.message}`, { cause: ours });
  }
  return ours;
}
