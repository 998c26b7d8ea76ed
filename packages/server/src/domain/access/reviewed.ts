import { BerthError, keepNewest } from "@berth/base";
import type { Clock } from "@berth/base";

import type { ClusterRegistry } from "../clusters/index.ts";
import type { Access, AccessRequest, KubernetesRequest } from "./access.ts";
import { impersonationOf } from "./access.ts";
import type { Impersonation } from "./access.ts";

/** How long an answer of the API server counts, in milliseconds: so late a right that was taken away still holds. */
const COUNTS = 10_000;
/** Answers that are kept. */
const KEPT = 20_000;
/** Questions asked at once of one cluster for one list. */
const AT_ONCE = 16;

/** Verbs of Berth's that Kubernetes' own right on Secrets, in which releases stand, implies. */
const BY_SECRETS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/**
 * Rights as the target cluster's RBAC gives them, asked by SubjectAccessReview:
 * on `berth.dev` resources, which need not exist as APIs; who may read Secrets
 * may read releases, too. Who acts as Berth itself may do what Berth may.
 */
export function createReviewedAccess({
  clusters,
  clock,
}: {
  readonly clusters: Pick<ClusterRegistry, "get">;
  readonly clock: Pick<Clock, "monotonic">;
}): Access {
  const kept = new Map<string, { readonly until: number; readonly answer: Promise<boolean> }>();
  const review = (who: Impersonation, request: KubernetesRequest) => {
    const { cluster, group, verb, resource, subresource, namespace, name } = request;
    const resourceAttributes = { group, verb, resource, subresource, namespace, name };
    const key = JSON.stringify([who, cluster, resourceAttributes]);
    const known = kept.get(key);
    if (known !== undefined && known.until > clock.monotonic()) return known.answer;
    const answer = ask(clusters, cluster, { user: who.user, groups: who.groups, resourceAttributes });
    keepNewest(kept, key, { until: clock.monotonic() + COUNTS, answer }, KEPT);
    answer.catch(() => kept.delete(key));
    return answer;
  };
  const may = async (who: Impersonation, request: AccessRequest): Promise<boolean> => {
    if (await review(who, { ...request, group: "berth.dev" })) return true;
    if (request.resource !== "releases" || !BY_SECRETS.has(request.verb)) return false;
    return review(who, { ...request, group: "", resource: "secrets", name: "" });
  };
  return {
    async check(principal, request) {
      const who = impersonationOf(principal);
      if (who === undefined || (await may(who, request))) return;
      const place = request.namespace === "" ? "" : ` in namespace "${request.namespace}"`;
      throw new BerthError("FORBIDDEN", `"${principal.name}" may not ${request.verb} ${request.resource}${place}.`, {
        hint: `It takes the verb ${request.verb} on ${request.resource}.berth.dev there.`,
      });
    },
    async allows(principal, request) {
      const who = impersonationOf(principal);
      return who === undefined || review(who, request);
    },
    async scope(principal, request, namespaces) {
      const who = impersonationOf(principal);
      if (who === undefined) return "all";
      const asked = { ...request, namespace: "", name: "" };
      if (await may(who, asked)) return "all";
      const seen = new Set<string>();
      const rest = [...namespaces()];
      const worker = async () => {
        for (let namespace = rest.pop(); namespace !== undefined; namespace = rest.pop()) {
          if (await may(who, { ...asked, namespace })) seen.add(namespace);
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) }, worker));
      return seen;
    },
  };
}

async function ask(clusters: Pick<ClusterRegistry, "get">, cluster: string, spec: object): Promise<boolean> {
  const { client } = clusters.get(cluster);
  const review = await client.request<{ status?: { allowed?: boolean } }>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec },
  });
  return review.status?.allowed === true;
}
