/** Who asks. Every handler takes one. */
export interface Principal {
  /** Unique name, as it stands in the audit and in an operation. */
  readonly name: string;
  readonly groups: readonly string[];
  /** How the caller was recognised. */
  readonly source: "loopback" | "unauthenticated" | "berth" | "user";
}

/**
 * The caller of `npm run up`: whoever reaches the loopback address of the
 * machine. Unless it is told otherwise, Berth listens nowhere else.
 */
export const loopbackPrincipal: Principal = { name: "loopback", groups: [], source: "loopback" };

/** Whoever calls from a network that the configuration lets in, until identities exist. */
export const unauthenticatedPrincipal: Principal = { name: "unauthenticated", groups: [], source: "unauthenticated" };

/**
 * Berth itself, for what its configuration asks it to do. No caller can have
 * this name: those that begin with `system:` are refused.
 */
export const berthPrincipal: Principal = { name: "system:berth", groups: [], source: "berth" };
