import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import type { KubeClient } from "@berth/kube";

import type { TestBerth } from "./berth.ts";

/** An exposure as REST answers it. */
export interface ExposureAnswer {
  readonly namespace: string;
  readonly name: string;
  readonly service: string;
  readonly service_port: number;
  readonly protocols: readonly string[];
  readonly pool: string;
  readonly slot: string;
  readonly address: string;
  readonly port: number;
  readonly endpoint: string;
  readonly state: string;
  readonly reason: string;
  readonly message: string;
  readonly simulated: boolean;
  readonly release: string;
}

/** An exposure, a claim, a pool or an address as Kubernetes has it. */
export interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly generation: number;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly slot: string;
    readonly protocol: string;
    readonly port: number;
    readonly pool: string;
    readonly exposure?: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly reservation?: { readonly id: string };
    readonly stranger?: { readonly entry: string };
  };
  readonly status?: {
    readonly claim?: { readonly slot: string; readonly port: number };
    readonly address?: string;
    readonly port?: number;
    readonly releasedAt?: string;
    readonly simulated?: boolean;
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
      readonly observedGeneration: number;
    }[];
  };
}

const API = "/apis/berth.dev/v1alpha1";

/** Waits until something is so, and gives it. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined, ms = 20_000) {
  for (const limit = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(Date.now() < limit, `in time: ${what}`);
  }
}

/** Settings of a pool for a test. */
export interface TestPoolOptions {
  readonly from?: number;
  readonly to?: number;
  readonly restSeconds?: number;
  readonly reserved?: number;
  readonly addresses?: number;
  readonly udp?: boolean;
  readonly service?: string;
  readonly capacity?: number;
  readonly allowed?: object;
  readonly simulated?: boolean;
}

/** A pool of the configmap driver, with names of its own, whose ConfigMaps are in the namespace of the test. */
export interface TestPool {
  readonly name: string;
  readonly slots: readonly string[];
  claims(): Promise<readonly Stored[]>;
  /** The keys of an address' ConfigMap. */
  entries(slot?: string, protocol?: "tcp" | "udp"): Promise<Readonly<Record<string, string>>>;
}

/** Does what `kubectl apply` of a pool and its addresses does, and waits until they carry ports. */
export async function makePool(berth: TestBerth, options: TestPoolOptions = {}): Promise<TestPool> {
  const name = `p-${randomBytes(4).toString("hex")}`;
  const { from = 20_000, to = 20_999, restSeconds = 1, reserved, addresses = 1, simulated = false } = options;
  const allowedNamespaces = options.allowed ?? { names: [berth.namespace] };
  await applyByHand(
    berth.kube,
    "AddressPool",
    { name },
    {
      ...{ driver: "configmap", ports: { from, to }, restSeconds, allowedNamespaces },
      ...(simulated ? { simulated } : {}),
      ...(reserved === undefined ? {} : { reserved }),
    },
  );
  const slots = Array.from({ length: addresses }, (_, index) => `${name}-${String(index)}`);
  for (const [index, slot] of slots.entries()) {
    await applyByHand(
      berth.kube,
      "Address",
      { name: slot },
      {
        ...{
          pool: name,
          address: `${slot}.example.com`,
          ...(options.capacity === undefined ? {} : { capacity: options.capacity }),
        },
        configmap: {
          ...{ namespace: berth.namespace, tcp: `tcp-${slot}` },
          ...(options.udp === true ? { udp: `udp-${slot}` } : {}),
          ...(options.service === undefined ? {} : { service: options.service }),
        },
      },
    );
    await untilReady(berth.kube, `addresses/${slot}`);
    assert.ok(index < addresses);
  }
  return {
    name,
    slots,
    async claims() {
      const { items } = await berth.kube.request<{ items: Stored[] }>({ path: `${API}/portclaims` });
      return items.filter(({ spec }) => spec.pool === name);
    },
    async entries(slot = slots[0] ?? "", protocol = "tcp") {
      const path = `api/v1/namespaces/{ns}/configmaps/${protocol}-${slot}`;
      return (await berth.object<{ data?: Record<string, string> }>(path))?.data ?? {};
    },
  };
}

/** Does what `kubectl apply --server-side` does with an object of Berth's kinds. */
export async function applyByHand(
  kube: KubeClient,
  kind: "AddressPool" | "Address" | "Exposure",
  metadata: { readonly name: string; readonly namespace?: string },
  spec: object,
): Promise<Stored> {
  const plural = { AddressPool: "addresspools", Address: "addresses", Exposure: "exposures" }[kind];
  const folder = metadata.namespace === undefined ? API : `${API}/namespaces/${metadata.namespace}`;
  return kube.request<Stored>({
    method: "PATCH",
    path: `${folder}/${plural}/${metadata.name}`,
    query: { fieldManager: "kubectl", force: "true", fieldValidation: "Strict" },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: "berth.dev/v1alpha1", kind, metadata, spec },
  });
}

/** Reads an object of Berth's kinds, such as `addresses/a` or `namespaces/x/exposures/y`. */
export async function stored(kube: KubeClient, path: string): Promise<Stored | undefined> {
  return kube.request<Stored>({ path: `${API}/${path}` }).catch((error: unknown) => {
    if ((error as { details?: { status?: string } }).details?.status === "404") return undefined;
    throw error;
  });
}

/** Waits for the condition Ready of an object for its present spec: True, or False with a reason. */
export async function untilReady(kube: KubeClient, path: string, reason = "Ready"): Promise<Stored> {
  let last: Stored | undefined;
  return eventually(`${path} is ${reason}`, async () => {
    last = await stored(kube, path);
    const ready = last?.status?.conditions?.find(({ type }) => type === "Ready");
    const isPresent = ready?.observedGeneration === last?.metadata.generation;
    return ready?.reason === reason && isPresent ? last : undefined;
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(last?.status)}`);
  });
}

/** Makes a Service of the test's namespace. */
export async function makeService(berth: TestBerth, name: string, spec: object = {}): Promise<void> {
  const ports = [
    { name: "http", port: 80, targetPort: 8080 },
    { name: "dns", port: 53, protocol: "UDP" },
    { name: "dns-tcp", port: 53 },
  ];
  await berth.kube.request({
    method: "POST",
    path: `/api/v1/namespaces/${berth.namespace}/services`,
    body: { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { app: name }, ports, ...spec } },
  });
}

/** Path of the exposures of the test's namespace in Berth's API. */
export function exposuresPath(berth: TestBerth): string {
  return `/v1/clusters/local/namespaces/${berth.namespace}/exposures`;
}
