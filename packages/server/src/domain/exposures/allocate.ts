import type { Protocol } from "./resource.ts";

/** Guesses in one band of one address before it is searched port by port. */
const GUESSES = 8;
/** Below it, a range has no reserved band; and what one has at least and at most, as Kubernetes' cluster IPs (KEP-3070). */
const [SMALL, LEAST, MOST, SHARE] = [32, 16, 256, 16];

/** The ports of a pool. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
  /** Ports at the low end that are given last to those who ask for none. */
  readonly reserved: number;
}

/** An address with what it carries. */
export interface Room {
  readonly slot: string;
  /** Ports that are not free. */
  readonly load: number;
  /** Ports at most; no limit where undefined. */
  readonly capacity: number | undefined;
}

/** What is to be found. */
export interface Wanted {
  readonly protocols: readonly Protocol[];
  /** Just this one; any where undefined. */
  readonly port?: number | undefined;
}

/** A port of an address that may be free. */
export interface Candidate {
  readonly slot: string;
  readonly port: number;
}

/** What is known, and chance. */
export interface Knowledge {
  readonly isTaken: (slot: string, protocol: Protocol, port: number) => boolean;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Ports at the low end of a range for those who ask for one of them. Pure. */
export function reservedOf({ from, to }: { readonly from: number; readonly to: number }, given?: number): number {
  const size = to - from + 1;
  if (given !== undefined) return Math.min(given, size);
  return size < SMALL ? 0 : Math.min(Math.max(LEAST, Math.floor(size / SHARE)), MOST);
}

/**
 * The port to try next: by chance in the upper band of the first address that has
 * room, then of the next one, and only then in the low bands. A port that is asked
 * for is looked for on each address. Undefined where nothing is free. Pure but for
 * chance, and only a guess: who makes the claim has the port.
 */
export function allocate(
  range: PortRange,
  rooms: readonly Room[],
  wanted: Wanted,
  knowledge: Knowledge,
): Candidate | undefined {
  const { protocols, port } = wanted;
  const open = rooms.filter(({ load, capacity }) => capacity === undefined || load + protocols.length <= capacity);
  const isFree = (slot: string, number: number) =>
    protocols.every((protocol) => !knowledge.isTaken(slot, protocol, number));
  if (port !== undefined) {
    const room = open.find(({ slot }) => isFree(slot, port));
    return room === undefined ? undefined : { slot: room.slot, port };
  }
  const split = range.from + range.reserved;
  const bands = [
    [split, range.to],
    [range.from, split - 1],
  ] as const;
  for (const [low, high] of bands) {
    for (const { slot } of open) {
      const found = findIn(low, high, (number) => isFree(slot, number), knowledge.random);
      if (found !== undefined) return { slot, port: found };
    }
  }
  return undefined;
}

function findIn(low: number, high: number, isFree: (port: number) => boolean, random: () => number) {
  const size = high - low + 1;
  if (size <= 0) return undefined;
  const guess = () => low + Math.min(size - 1, Math.floor(random() * size));
  for (let tries = 0; tries < GUESSES; tries++) {
    const port = guess();
    if (isFree(port)) return port;
  }
  const start = guess();
  for (let step = 0; step < size; step++) {
    const port = low + ((start - low + step) % size);
    if (isFree(port)) return port;
  }
  return undefined;
}
