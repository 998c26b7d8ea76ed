import { readyAmong } from "@berth/kube";
import type { Condition, KubeObject, ObjectReference, Resource } from "@berth/kube";

/*
 * Pools, addresses, claims and exposures as objects of the API. What anybody may
 * write by kubectl has been checked by the definitions' schemas, packages/kube/crds.
 */

const berth = { group: "berth.dev", version: "v1alpha1" } as const;
export const API_VERSION = "berth.dev/v1alpha1";
export const addressPools: Resource = { ...berth, plural: "addresspools" };
export const addresses: Resource = { ...berth, plural: "addresses" };
export const portClaims: Resource = { ...berth, plural: "portclaims" };
export const exposures: Resource = { ...berth, plural: "exposures" };
/** Keeps what is being deleted until its ports are free, or nobody has any of them. */
export const FINALIZER = "berth.dev/ports";

/** Annotation with the replica that was asked for an exposure: the others leave it to that one at first. */
export const ASKED = "berth.dev/asked";

/** Protocol of a port, as claims have it. */
export type Protocol = "tcp" | "udp";

/** Names of the drivers, as pools have them. */
export type DriverName = "gateway" | "configmap" | "nodeport";

/** Requirements on labels. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

/** Spec of a pool. */
export interface PoolSpec {
  readonly driver: DriverName;
  readonly ports: { readonly from: number; readonly to: number };
  readonly reserved?: number;
  readonly restSeconds?: number;
  readonly simulated?: boolean;
  readonly allowedNamespaces?: {
    readonly all?: boolean;
    readonly names?: readonly string[];
    readonly selector?: LabelSelector;
  };
}

/** A pool of addresses. */
export interface PoolObject extends KubeObject {
  readonly spec: PoolSpec;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly addresses?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** Spec of an address. */
export interface AddressSpec {
  readonly pool: string;
  readonly address?: string;
  readonly capacity?: number;
  readonly release?: string;
  readonly configmap?: {
    readonly namespace: string;
    readonly tcp: string;
    readonly udp?: string;
    readonly service?: string;
  };
  readonly gateway?: { readonly namespace: string; readonly name: string };
  readonly nodeport?: object;
}

/** One address of a pool. */
export interface AddressObject extends KubeObject {
  readonly spec: AddressSpec;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly address?: string;
    readonly claims?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** Which exposure has a port. */
export interface ExposureHolder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Who has a port. */
export interface ClaimHolder {
  readonly exposure?: ExposureHolder;
  readonly reservation?: { readonly id: string; readonly by: string; readonly expireTime: string };
  readonly stranger?: { readonly entry: string };
}

/** One port of an address that is not free. */
export interface ClaimObject extends KubeObject {
  readonly spec: ClaimHolder & {
    readonly slot: string;
    readonly protocol: Protocol;
    readonly port: number;
    readonly pool: string;
  };
  readonly status?: { readonly releasedAt?: string };
}

/** Spec of an exposure. */
export interface ExposureSpec {
  readonly service: { readonly name: string; readonly port: number | string };
  readonly protocols?: readonly ("TCP" | "UDP")[];
  readonly pool?: string;
  readonly address?: string;
  readonly port?: number;
  readonly reservation?: string;
  readonly release?: { readonly name: string; readonly deleteWith?: boolean };
}

/** Status of an exposure. */
export interface ExposureStatus {
  readonly observedGeneration?: number;
  readonly claim?: { readonly slot: string; readonly port: number };
  readonly address?: string;
  readonly port?: number;
  readonly target?: string;
  readonly release?: string;
  readonly simulated?: boolean;
  readonly conditions?: readonly Condition[];
}

/** A service's port that is to be reachable. */
export interface ExposureObject extends KubeObject {
  readonly spec: ExposureSpec;
  readonly status?: ExposureStatus;
}

/** Name of the claim on a port: the lock. */
export function claimName(slot: string, protocol: Protocol, port: number): string {
  return `${slot}.${protocol}.${String(port)}`;
}

/** The object of an exposure. */
export function exposureReference({ metadata }: KubeObject, subresource?: string): ObjectReference {
  return { resource: exposures, namespace: metadata.namespace, name: metadata.name, subresource };
}

/** Protocols of an exposure, tcp before udp. */
export function protocolsOf({ protocols = ["TCP"] }: ExposureSpec): readonly Protocol[] {
  return (["TCP", "UDP"] as const).flatMap((one) => (protocols.includes(one) ? [lower(one)] : []));
}

/** Pool of an exposure. */
export function poolOf({ pool = "default" }: ExposureSpec): string {
  return pool;
}

/** Its condition Ready. */
export function readyOf(status: { readonly conditions?: readonly Condition[] } | undefined): Condition | undefined {
  return readyAmong(status?.conditions);
}

/** Whether somebody has asked for its deletion. */
export function isDeleting({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function lower(protocol: "TCP" | "UDP"): Protocol {
  return protocol === "TCP" ? "tcp" : "udp";
}
