import type { AdminApi } from "./api.ts";

/** What is read of a node. */
export interface NodeObject {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Makes an object where an earlier start has not. */
export async function createObject(api: AdminApi, path: string, object: { metadata: { name: string } }): Promise<void> {
  const { status, body } = await api.send("POST", path, object);
  if (status === 201 || status === 409) return;
  // What is there already may be refused for another reason first: its address is taken, by itself.
  if ((await api.send("GET", `${path}/${object.metadata.name}`)).status === 200) return;
  throw new Error(`${path}: ${object.metadata.name} was refused (${status}): ${body}`);
}

/** Tells whether pods can run on a node: it is ready, and no taint but the one given keeps them off. */
export function isReady({ spec, status }: NodeObject, taint?: string): boolean {
  const ready = status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
  return ready === true && (spec.taints ?? []).every(({ key }) => key === taint);
}
