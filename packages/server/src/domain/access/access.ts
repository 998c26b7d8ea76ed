import type { Principal } from "./principal.ts";

/** What somebody wants to do, in the words of Kubernetes RBAC on `berth.dev` resources. */
export interface AccessRequest {
  /** `get`, `list`, `create`, `update`, `delete`. */
  readonly verb: string;
  /** `releases`, `operations`, … */
  readonly resource: string;
  readonly cluster: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** Empty: all of them. */
  readonly name: string;
}

/** Decides who may do what. */
export interface Access {
  /** Rejects with FORBIDDEN where the principal may not. */
  check(principal: Principal, request: AccessRequest): Promise<void>;
}

/** Whom the cluster sees: the impersonated user, or Berth itself where undefined. */
export interface Impersonation {
  readonly user: string;
  readonly groups: readonly string[];
}

/**
 * The rights of the loopback principal: whoever starts Berth on a machine may
 * do there what Berth may. So may whoever calls from a network that is let in.
 */
export function createLoopbackAccess(): Access {
  return { check: () => Promise.resolve() };
}

/** The one function that says whom a cluster sees when a principal writes. */
export function impersonationOf(principal: Principal): Impersonation | undefined {
  switch (principal.source) {
    case "loopback":
    case "unauthenticated":
    case "berth":
      return undefined;
  }
}
