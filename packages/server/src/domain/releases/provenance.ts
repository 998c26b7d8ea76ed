/** What is true of a chart wherever it goes. */
const OF_CHART = new Set(["chart-source", "chart-digest"]);

/** What a stored revision says of its making. */
export interface Stamped {
  readonly revision: number;
  /** Label of the operation; the helm command line copies it. */
  readonly operationId: string;
  /** Berth's annotations of the chart, which a rollback of the helm command line copies. */
  readonly provenance: Readonly<Record<string, string>>;
}

/**
 * The operation that has made a revision, and its provenance: of a copied one
 * what is true of its chart, of one that Berth did not make nothing. The engine
 * reads it likewise. Pure.
 */
export function provenanceOf({ revision, operationId, provenance }: Stamped): Omit<Stamped, "revision"> {
  if (operationId === "" || provenance.operation !== operationId) return { operationId: "", provenance: {} };
  const isCopied = provenance.revision !== String(revision);
  const kept = Object.entries(provenance).filter(([key]) => (isCopied ? OF_CHART.has(key) : key !== "revision"));
  return { operationId: isCopied ? "" : operationId, provenance: Object.fromEntries(kept) };
}
