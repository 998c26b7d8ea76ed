import { BlockList, isIPv6 } from "node:net";
import type { Socket } from "node:net";

import { BerthError } from "@berth/base";

/** Rejects with FORBIDDEN where the address is of no network that is let in. */
export type CheckCaller = (address: string | undefined) => void;

/**
 * Lets in callers of the machine itself and of networks (CIDR) that were named: until callers can say who they are,
 * where they come from is all that is known of them.
 */
export function createCallerCheck(networks: readonly string[]): CheckCaller {
  const known = new BlockList();
  for (const network of ["127.0.0.0/8", "::1/128", ...networks]) {
    const [address = "", prefix = ""] = network.split("/");
    known.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (address) => {
    if (address !== undefined && known.check(address, familyOf(address))) return;
    const hint = "Let Berth's operator add the network to those that BERTH_UNAUTHENTICATED_FROM names.";
    throw new BerthError("FORBIDDEN", `Callers from ${address ?? "nowhere"} are not let in.`, { hint });
  };
}

/** Where a connection comes from. Node wraps the socket of a cleartext HTTP/2 session, and the wrapper has no address. */
export function addressOf(socket: Socket & { readonly stream?: Socket }): string | undefined {
  return socket.remoteAddress ?? socket.stream?.remoteAddress;
}

function familyOf(address: string): "ipv6" | "ipv4" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
