/** How a check ended. A check that could not run says why; it never counts as passed. */
export type Outcome =
  | { readonly state: "passed" }
  | { readonly state: "failed"; readonly text: string }
  | { readonly state: "not run"; readonly text: string };

/** One check of the house: its name on the command line, and what it does in the tree at `root`. */
export interface Check {
  readonly name: string;
  run(root: string): Promise<Outcome>;
}

/** The ending of a check that collects complaints: passed where there are none. */
export function outcomeOf(complaints: readonly string[]): Outcome {
  return complaints.length === 0 ? { state: "passed" } : { state: "failed", text: complaints.join("\n") };
}
