import { createObject, hasStatus } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

const kinds = {
  AddressPool: { group: "berth.dev", version: "v1alpha1", plural: "addresspools" },
  Address: { group: "berth.dev", version: "v1alpha1", plural: "addresses" },
} as const;

/**
 * Makes the pool that is there from the start, for every namespace: ports of
 * 127.0.0.1 that are stored in ConfigMaps which nobody reads. One that is there
 * already stays as it is.
 */
export async function makeDefaultPool(client: KubeClient, namespace: string): Promise<void> {
  const ports = { from: 20_000, to: 30_000 };
  await make(client, "AddressPool", "default", {
    ...{ driver: "configmap", ports, simulated: true },
    allowedNamespaces: { all: true },
  });
  const configmap = { namespace, tcp: "tcp-services", udp: "udp-services" };
  await make(client, "Address", "local", { pool: "default", address: "127.0.0.1", configmap });
}

async function make(client: KubeClient, kind: keyof typeof kinds, name: string, spec: object): Promise<void> {
  const body = { apiVersion: "berth.dev/v1alpha1", kind, metadata: { name }, spec };
  await createObject(client, { resource: kinds[kind] }, body).catch((error: unknown) => {
    if (!hasStatus(error, 409)) throw error;
  });
}
