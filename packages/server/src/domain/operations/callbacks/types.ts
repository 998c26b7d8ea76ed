import type { Operation } from "../types.ts";

/** A receiver of callbacks, as the configuration names it. */
export interface CallbackEndpoint {
  /** This URL alone; where its path ends with a slash, all below it too. */
  readonly url: string;
  /** Each of them signs, so that a receiver may change from one to the next. */
  readonly keys: readonly Uint8Array[];
  /** PEM; Node's own authorities where absent. */
  readonly certificateAuthority?: string | undefined;
}

/** Where Berth may send something. */
export interface EgressPolicy {
  readonly allowLoopback: boolean;
  readonly allowLinkLocal: boolean;
  /** Empty: all. */
  readonly allowedHosts: readonly string[];
  /** Empty: all. */
  readonly allowedCidrs: readonly string[];
}

/** Who is told of endings, and how. */
export interface CallbackOptions {
  readonly endpoints: readonly CallbackEndpoint[];
  readonly egress: EgressPolicy;
  /** The JSON of an operation, as REST shows it. */
  readonly render: (operation: Operation) => unknown;
}
