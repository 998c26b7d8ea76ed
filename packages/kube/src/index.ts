export { createKubeClient } from "./client.ts";
export type { KubeClient, KubeRequest } from "./client.ts";
export type { ClusterConnection, KubeObject, ObjectMetadata } from "./connection.ts";
export { hasStatus, isGone } from "./errors.ts";
export { createInformer } from "./informer/informer.ts";
export type { CacheChange, Informer, InformerOptions, InformerState, Resource } from "./informer/types.ts";
export { loadKubeconfig } from "./kubeconfig.ts";
