import { randomBytes } from "node:crypto";

import type { KubeClient } from "@berth/kube";

const RBAC = "rbac.authorization.k8s.io";

/** What is granted, as RBAC has it. */
export interface Grant {
  /** Empty: the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

/** Gives a user rights in a namespace, by a Role and a RoleBinding of a name of their own. */
export async function grant(kube: KubeClient, namespace: string, user: string, ...grants: Grant[]): Promise<void> {
  const metadata = { name: `r-${randomBytes(5).toString("hex")}` };
  const post = (plural: string, body: object) =>
    kube.request({
      ...{ method: "POST", path: `/apis/${RBAC}/v1/namespaces/${namespace}/${plural}` },
      body: { apiVersion: `${RBAC}/v1`, metadata, ...body },
    });
  const rules = grants.map(({ apiGroup, resource, verbs }) => ({
    ...{ apiGroups: [apiGroup], resources: [resource], verbs },
  }));
  await post("roles", { kind: "Role", rules });
  const subjects = [{ apiGroup: RBAC, kind: "User", name: user }];
  const roleRef = { apiGroup: RBAC, kind: "Role", name: metadata.name };
  await post("rolebindings", { kind: "RoleBinding", subjects, roleRef });
}
