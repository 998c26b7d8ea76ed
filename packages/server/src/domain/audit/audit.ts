import type { Logger } from "@berth/base";

/** What the audit says of one request to change something. Never values, never credentials. */
export interface AuditEntry {
  readonly principal: string;
  readonly verb: string;
  /** Kind of what is changed, such as `releases`. */
  readonly resource: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly requestId: string;
  readonly traceparent: string;
  readonly operation: string;
  /** `asked` and `denied` at the gate, then how it ended. */
  readonly outcome: "asked" | "denied" | "refused" | "succeeded" | "failed" | "cancelled";
  /** Error code where it did not succeed. */
  readonly code?: string | undefined;
  /** Revision stored afterwards. */
  readonly revision?: number | undefined;
}

/** Writes audit lines. */
export type Audit = (entry: AuditEntry) => void;

/** An audit that writes one structured log line for each entry. */
export function createAudit(log: Logger): Audit {
  return (entry) => log.info({ audit: entry }, "audit");
}
