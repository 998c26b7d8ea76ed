export { createAudit } from "./audit.ts";
export type { Audit, AuditEntry } from "./audit.ts";
