/** A stream that text is written to. */
export interface Output {
  readonly isTerminal: boolean;
  /** Columns of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
  write(text: string): void;
}

/** What the program has of its process: nothing else of it is touched. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The user's home, for the places of XDG. */
  readonly home: string;
  /** All of standard input. */
  readStdin(): Promise<Buffer>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
