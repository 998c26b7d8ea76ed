import type { Clock, Logger } from "@berth/base";
import { applyObject } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import { mapsOf } from "./ingress-places.ts";
import type { Workload } from "./ingress-places.ts";
import { API_VERSION, addressPools, addresses } from "./resource.ts";

/** Name of the pool. */
const POOL = "autom8s";
/** Label whose value selects the controllers. */
const LABEL = "appingress";
/** How often the controllers are looked for, in milliseconds. */
const INTERVAL = 15_000;
const MANAGER = { fieldManager: "berth-autom8s", force: true };

/** Ingress controllers, as Autom8s' environment names them. */
export interface Ingress {
  /** Empty: none. */
  readonly namespace: string;
  /** Value of the label; any where empty. */
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** Keeps the pool of Autom8s. */
export interface LegacyPool {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Makes a pool, for every namespace, of the ingress controllers that are selected:
 * each of their Services is an address. What is not selected any more stays; an
 * administrator removes it.
 */
export function createLegacyPool(
  parts: { readonly client: KubeClient; readonly clock: Clock; readonly log: Logger },
  ingress: Ingress,
): LegacyPool {
  const { clock, log } = parts;
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await sync(parts.client, ingress).catch((error: unknown) => {
        log.warn({ namespace: ingress.namespace, error }, "the pool of the ingress controllers could not be made");
      });
      await clock.sleep(INTERVAL, stopping.signal).catch(() => undefined);
    }
  };
  let running: Promise<void> | undefined;
  return {
    start: () => void (ingress.namespace === "" || (running ??= run())),
    async stop() {
      stopping.abort(new Error("stopped"));
      await running;
    },
  };
}

async function sync(client: KubeClient, { namespace, label, from, to }: Ingress): Promise<void> {
  const labelSelector = label === "" ? LABEL : `${LABEL}=${label}`;
  const read = async <T extends KubeObject>(path: string): Promise<readonly T[]> => {
    const { items } = await client.request<{ items: readonly T[] }>({ path, query: { labelSelector } });
    return items;
  };
  const services = await read(`/api/v1/namespaces/${encodeURIComponent(namespace)}/services`);
  const workloads = (
    await Promise.all(
      ["deployments", "daemonsets"].map((kind) =>
        read<Workload>(`/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${kind}`),
      ),
    )
  ).flat();
  const spec = { driver: "configmap", ports: { from, to }, allowedNamespaces: { all: true } };
  const pool = { apiVersion: API_VERSION, kind: "AddressPool", metadata: { name: POOL }, spec };
  await applyObject(client, { resource: addressPools, name: POOL }, pool, MANAGER);
  for (const { metadata } of services) {
    const release = releaseOf(metadata);
    const own = workloads.filter((one) => releaseOf(one.metadata) === release);
    const configmap = { namespace, ...mapsOf(own.length === 0 ? workloads : own, namespace), service: metadata.name };
    const address = {
      ...{ apiVersion: API_VERSION, kind: "Address", metadata: { name: metadata.name } },
      spec: { pool: POOL, configmap, ...(release === "" ? {} : { release }) },
    };
    await applyObject(client, { resource: addresses, name: metadata.name }, address, MANAGER);
  }
}

/** Charts of that time say it in a label of their own. */
function releaseOf({ labels = {}, annotations = {} }: KubeObject["metadata"]): string {
  const label = labels["app.kubernetes.io/instance"] ?? labels.release;
  return annotations["meta.helm.sh/release-name"] ?? label ?? "";
}
