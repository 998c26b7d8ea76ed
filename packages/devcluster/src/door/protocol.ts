/** Something that listens inside a world. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is asked of a door: one message each, the first kind with the socket to serve. */
export type DoorOrder =
  | { readonly verb: "open"; readonly id: number; readonly to: Target }
  | { readonly verb: "close"; readonly id: number }
  | { readonly verb: "listen"; readonly id: number; readonly at: Target };

/** What it says: the order with this number is done. To the last kind it gives the socket it has made. */
export interface DoorReport {
  readonly id: number;
}
