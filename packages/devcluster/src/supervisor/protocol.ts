/** A program to run under the supervisor. */
export interface ProgramSpec {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Its output goes here; what an earlier run left is kept once, under `.previous`. */
  readonly log: string;
}

/** What is asked of the supervisor: one JSON line each on its standard input. */
export type Order =
  | { readonly id: number; readonly verb: "start"; readonly program: ProgramSpec }
  | { readonly id: number; readonly verb: "stop"; readonly name: string; readonly signal: NodeJS.Signals };

/** What it says: one JSON line each on its standard output. */
export type Report =
  | { readonly kind: "done"; readonly id: number; readonly pid?: number }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  | { readonly kind: "exited"; readonly exit: ProgramExit };

/** How a program ended. */
export interface ProgramExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** False where nobody asked for it. */
  readonly expected: boolean;
}
