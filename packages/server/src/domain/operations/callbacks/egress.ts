import { BlockList, isIP } from "node:net";

import { BerthError } from "@berth/base";

import type { EgressPolicy } from "./types.ts";

/** The egress policy, as the engine has it for charts: see engine/internal/charts/egress.go. */
export interface Egress {
  /** Refuses a host by its name; FORBIDDEN. */
  checkHost(host: string): void;
  /** Whether a socket may be opened to an address. */
  allows(address: string): boolean;
}

/** Makes the judge of an egress policy. */
export function createEgress(policy: EgressPolicy): Egress {
  const refused = [
    "224.0.0.0/4",
    "255.255.255.255/32",
    "ff00::/8",
    // The unspecified address reaches this machine, as loopback does.
    ...(policy.allowLoopback ? [] : ["127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"]),
    ...(policy.allowLinkLocal ? [] : ["169.254.0.0/16", "fe80::/10"]),
  ];
  const isRefused = within(refused);
  const isAllowed = policy.allowedCidrs.length === 0 ? () => true : within(policy.allowedCidrs);
  const hosts = policy.allowedHosts.map(hostName);
  return {
    checkHost(host) {
      if (hosts.length > 0 && !hosts.includes(hostName(host))) throw refusedAddress(host);
    },
    allows(address) {
      const plain = address.replace(/%.*$/, "");
      return isIP(plain) !== 0 && !isRefused(plain) && isAllowed(plain);
    },
  };
}

/** The error of an address that nothing is sent to. */
export function refusedAddress(address: string): BerthError {
  return new BerthError("FORBIDDEN", `Nothing may be sent to ${address.slice(0, 200)}.`);
}

/** Tells whether an address is in one of the blocks; an IPv4 one is also known in its IPv6 form. */
function within(blocks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", bits] = block.split("/");
    list.addSubnet(address, Number(bits), family(address));
  }
  return (address) => list.check(address, family(address));
}

function family(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** How hosts compare: without case, and without the root's dot. */
function hostName(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
