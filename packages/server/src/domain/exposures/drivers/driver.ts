import type { Backend } from "../service.ts";
import type { AddressObject, DriverName, ExposureHolder, Protocol } from "../resource.ts";

/** What an address is to carry for one exposure. */
export interface PortWish {
  readonly exposure: ExposureHolder;
  readonly address: AddressObject;
  /** Port of the address, the same for each protocol. The exposure has the claims on it. */
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly backend: Backend;
  /**
   * Whether the exposure still has the claims on the port, as the API server knows
   * it now. Whoever writes an object that several exposures share asks this after
   * reading it and before writing over just that version: a replica that stood
   * still may be far behind.
   */
  readonly isStillOurs: () => Promise<boolean>;
}

/** What is to be taken off an address. What it led to need not exist any more. */
export type PortRemoval = Omit<PortWish, "backend">;

/** How far the data plane is. */
export type Carried =
  | { readonly kind: "ready" }
  /** It was told; `message` has its own words for what is missing. Asked again when it tells of a change, and after a while. */
  | { readonly kind: "pending"; readonly message: string }
  /** Somebody else's entry is on the port: it is left alone, and another port is taken. */
  | { readonly kind: "stranger"; readonly protocol: Protocol; readonly entry: string };

/** One port that the data plane carries. */
export interface Entry {
  readonly protocol: Protocol;
  readonly port: number;
  /** What it leads to, in the data plane's words. */
  readonly entry: string;
  /** Whether Berth has made it. */
  readonly isOurs: boolean;
}

/** What a driver says of an address. */
export interface AddressState {
  /** IP address or host name, as far as the data plane knows; empty where it does not. */
  readonly address: string;
  /** Everything it carries, strangers' ports too. */
  readonly entries: readonly Entry[];
}

/**
 * Makes addresses carry ports: one folder under drivers/ each, and one line in
 * compose.ts. It is told a level, never a change: each method may be called at
 * any time, any number of times, by several replicas at once, and writes nothing
 * where all is as it should be. It keeps nothing but what makes it faster.
 *
 * What it may rely on: whoever calls `ensure` has the claims on the port; `remove`
 * comes before they are released. Where an object is shared, it asks `isStillOurs`.
 * What it must do: leave alone whatever it has not made itself, and never disturb
 * what other ports carry. Objects of one exposure alone: owned.ts.
 *
 * Errors: DRIVER_UNAVAILABLE where what carries the ports is not installed or does
 * not exist, DRIVER_REFUSED with the data plane's own words where it does not take
 * a port; both are shown in the exposure's or address' condition, and tried again.
 */
export interface Driver {
  readonly name: DriverName;
  /** Ports that one address carries where the Address does not say; no limit where undefined. */
  readonly capacity: number | undefined;
  /** Protocols that an address carries. */
  protocolsOf(address: AddressObject): readonly Protocol[];
  /** What `ensure` would tell the data plane, in a few words: it is called anew where this changes. Pure. */
  describe(wish: PortWish): string;
  /** Whether an entry of ours is what `describe` said. Pure. */
  isAsDescribed(entry: Entry, description: string): boolean;
  /** Makes the address carry the port. */
  ensure(wish: PortWish): Promise<Carried>;
  /** Takes what `ensure` has made off the address; nothing where there is nothing. */
  remove(removal: PortRemoval): Promise<void>;
  /** Reads what the address carries. */
  survey(address: AddressObject): Promise<AddressState>;
  /** Takes off an entry of ours that no exposure wants: the caller has locked the port. Nothing where it is another by now. */
  drop(address: AddressObject, entry: Entry): Promise<void>;
  /** Begins to watch what `ensure` has made; tells the key (namespace/name) of each exposure about which there is news. */
  start?(tell: (exposure: string) => void): void;
  stop?(): Promise<void>;
}
