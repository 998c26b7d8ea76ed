import { readDefinitions } from "@berth/kube";
import type { KubeObject } from "@berth/kube";

/** Namespace of what Berth needs on a cluster that is not its home. */
export const REMOTE_NAMESPACE = "berth-system";
/** Name of the ServiceAccount, of its roles and, with `-token`, of its token. */
export const REMOTE_NAME = "berth";

/** Definitions of what lives on the cluster that holds the addresses. */
const OF_ADDRESSES = /^(addresspools|addresses|portclaims|exposures)\./;
const LABELS = { "app.kubernetes.io/managed-by": "berth" };

/** An object to be applied. */
export interface Manifest extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * What a cluster needs for a Berth elsewhere, in the order of its making: a
 * ServiceAccount with its token, the rights on Helm's records and exposures that
 * charts/berth gives at home, and the definitions of exposures. `deployRole` is
 * the ClusterRole that charts are deployed with; empty: none is bound.
 */
export async function remoteManifests(deployRole: string): Promise<readonly Manifest[]> {
  const rbac = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "ServiceAccount", name: REMOTE_NAME, namespace: REMOTE_NAMESPACE }];
  const bind = (name: string, role: string) => ({
    ...{ apiVersion: `${rbac}/v1`, kind: "ClusterRoleBinding", metadata: { name, labels: LABELS } },
    ...{ roleRef: { apiGroup: rbac, kind: "ClusterRole", name: role }, subjects },
  });
  const placed = { namespace: REMOTE_NAMESPACE, labels: LABELS };
  const definitions = (await readDefinitions()).map(({ definition }) => definition);
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: REMOTE_NAMESPACE, labels: LABELS } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: REMOTE_NAME, ...placed } },
    {
      ...{ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/service-account-token" },
      metadata: {
        ...{ name: `${REMOTE_NAME}-token`, ...placed },
        annotations: { "kubernetes.io/service-account.name": REMOTE_NAME },
      },
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: REMOTE_NAME, labels: LABELS },
      rules: RULES,
    } as Manifest,
    bind(REMOTE_NAME, REMOTE_NAME),
    ...(deployRole === "" ? [] : [bind(`${REMOTE_NAME}.deploy`, deployRole)]),
    ...definitions.filter(({ metadata }) => OF_ADDRESSES.test(metadata.name)),
  ];
}

const READ = ["get", "list", "watch"];
const WRITE = [...READ, "create", "update", "patch", "delete"];

/** As charts/berth has them for Berth's home. */
const RULES = [
  { apiGroups: [""], resources: ["secrets", "configmaps", "services"], verbs: WRITE },
  { apiGroups: [""], resources: ["namespaces", "nodes"], verbs: READ },
  {
    apiGroups: ["berth.dev"],
    resources: ["addresspools", "addresses", "portclaims", "exposures"],
    verbs: WRITE,
  },
  {
    apiGroups: ["berth.dev"],
    resources: ["addresspools/status", "addresses/status", "portclaims/status", "exposures/status"],
    verbs: ["get", "update", "patch"],
  },
  { apiGroups: [""], resources: ["pods", "pods/log", "events", "replicationcontrollers"], verbs: READ },
  { apiGroups: ["apps"], resources: ["deployments", "statefulsets", "daemonsets", "replicasets"], verbs: READ },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: READ },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["gateways"], verbs: READ },
  {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: ["listenersets", "tcproutes", "udproutes"],
    verbs: [...READ, "create", "update", "delete"],
  },
];
