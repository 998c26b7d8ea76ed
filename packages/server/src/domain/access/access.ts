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

/** A right of Kubernetes' own. */
export interface KubernetesRequest extends AccessRequest {
  /** Empty: the core group. */
  readonly group: string;
  /** Such as `log` of `pods`. */
  readonly subresource?: string | undefined;
}

/** Decides who may do what. */
export interface Access {
  /** Rejects with FORBIDDEN where the principal may not. */
  check(principal: Principal, request: AccessRequest): Promise<void>;
  /** Whether the principal has a right on what is Kubernetes' own, such as Secrets. */
  allows(principal: Principal, request: KubernetesRequest): Promise<boolean>;
  /** Which of the namespaces the principal may do it in; `all` where the right holds for the whole cluster. */
  scope(
    principal: Principal,
    request: Omit<AccessRequest, "namespace" | "name">,
    namespaces: () => Iterable<string>,
  ): Promise<"all" | ReadonlySet<string>>;
}

/** Whom the cluster sees: the impersonated user, or Berth itself where undefined. */
export interface Impersonation {
  readonly user: string;
  readonly groups: readonly string[];
}

/**
 * The one function that says whom a cluster sees when a principal writes. The
 * loopback principal may do what Berth may: whoever starts Berth on a machine
 * may do so there. So may whoever calls from a network that is let in.
 */
export function impersonationOf(principal: Principal): Impersonation | undefined {
  switch (principal.source) {
    case "loopback":
    case "unauthenticated":
    case "berth":
      return undefined;
    case "user":
      return { user: principal.name, groups: principal.groups };
  }
}
