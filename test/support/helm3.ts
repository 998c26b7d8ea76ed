import { ensureHelm3 } from "@berth/devcluster";
import type { Helm3 } from "@berth/devcluster";

import type { TestBerth } from "./berth.ts";
import { helmLine } from "./helm.ts";
import type { HelmLine, HelmPlace } from "./helm.ts";

/** Where a helm command line keeps its records. */
export type Driver = NonNullable<HelmPlace["driver"]>;

/** The places where Helm keeps records in a cluster. */
export const DRIVERS: readonly Driver[] = ["secret", "configmap"];

/** The last Helm 3 and Helm 4 in the namespace of a test's Berth. */
export interface Helms {
  readonly programs: Helm3;
  three(driver: Driver): HelmLine;
  four(driver: Driver): HelmLine;
}

/** Takes the two to a Berth's namespace. */
export async function helmsOf({ kubeconfig, namespace }: TestBerth): Promise<Helms> {
  const programs = await ensureHelm3();
  return {
    programs,
    three: (driver) => helmLine({ kubeconfig, namespace, driver, binary: programs.helm }),
    four: (driver) => helmLine({ kubeconfig, namespace, driver }),
  };
}

/** Names of a release's records that are left, whichever way they are kept. */
export async function recordsOf({ kube, namespace }: TestBerth, name: string): Promise<string[]> {
  const lists = ["secrets", "configmaps"].map((plural) =>
    kube.request<{ items: { metadata: { name: string } }[] }>({
      path: `/api/v1/namespaces/${namespace}/${plural}`,
      query: { labelSelector: `owner=helm,name=${name}` },
    }),
  );
  return (await Promise.all(lists)).flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
}

/** A hook that the API server refuses at once. */
export const BROKEN_HOOK = `apiVersion: v1
kind: ConfigMap
metadata:
  name: Not_A_Name
  annotations: { helm.sh/hook: "pre-install,pre-upgrade" }
`;
