export { impersonationOf } from "./access.ts";
export { createReviewedAccess } from "./reviewed.ts";
export type { Access, AccessRequest, Impersonation, KubernetesRequest } from "./access.ts";
export { audited } from "./audited.ts";
export type { AuditedContext, AuditedWrite } from "./audited.ts";
export { berthPrincipal, loopbackPrincipal, unauthenticatedPrincipal } from "./principal.ts";
export type { Principal } from "./principal.ts";
