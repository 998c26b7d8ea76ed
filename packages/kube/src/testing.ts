import { once } from "node:events";
import { createServer, connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { silentLogger, systemClock } from "@berth/base";

import { createKubeClient } from "./client.ts";
import type { KubeClient } from "./client.ts";
import type { Informer } from "./informer/types.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { keyOf } from "./object.ts";
import type { KubeObject, Resource } from "./object.ts";

/** For tests: the resource most of them write. */
export const configMaps: Resource = { group: "", version: "v1", plural: "configmaps" };

/** For tests: what every part takes. */
export const seams = { log: silentLogger, clock: systemClock };

/** For tests: a client of the administrator; `server` may be another way to the same API server. */
export async function connectTo(kubeconfig: string, server?: string): Promise<KubeClient> {
  const connection = await loadKubeconfig(kubeconfig);
  return createKubeClient({ ...connection, server: server ?? connection.server }, seams);
}

/** For tests: runs `work` for 0 to `count`, sixteen at a time. */
export async function times(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** For tests: key and resourceVersion of each object of a raw LIST. */
export async function truth(client: KubeClient, path: string): Promise<Map<string, string>> {
  const list = await client.request<{ items: KubeObject[] }>({ path });
  return new Map(list.items.map((item) => [keyOf(item), item.metadata.resourceVersion ?? ""]));
}

/** For tests: what an informer told, replayed. */
export interface Replay {
  /** Key and resourceVersion, as the events tell it. */
  readonly state: Map<string, string>;
  readonly events: string[];
  /** What was told though it could not be: a second "added", a change to an older version. */
  readonly faults: string[];
}

/** For tests: follows an informer of metadata from its start and checks that each event fits those before. */
export function replay(informer: Informer<KubeObject>): Replay {
  const state = new Map<string, string>();
  const events: string[] = [];
  const faults: string[] = [];
  informer.onChange((change) => {
    const { type, key } = change;
    events.push(`${type} ${key}`);
    const before = state.get(key);
    if ((type === "added") === (before !== undefined)) faults.push(`${type} ${key}, known as ${before}`);
    if (type === "deleted") return void state.delete(key);
    const version = change.object.metadata.resourceVersion ?? "";
    if (before !== undefined && BigInt(version) <= BigInt(before)) faults.push(`${key} from ${before} to ${version}`);
    state.set(key, version);
  });
  return { state, events, faults };
}

/** For tests: a way to an API server that can be cut. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** Breaks all connections and refuses new ones until `mend`. */
  cut(): void;
  /** Keeps connections open and passes nothing on until `mend`. */
  freeze(): void;
  /** Passes on what comes from now on so many milliseconds later, in each direction. */
  delay(ms: number): void;
  /** Passes on so many bytes a second at most, a few at a time; Infinity: as they come. */
  throttle(bytesPerSecond: number): void;
  mend(): void;
}

/** For tests: opens a TCP wire to an API server of this machine. */
export async function openWire(server: string): Promise<Wire> {
  const target = new URL(server);
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: "open" | "cut" | "frozen" = "open";
  let latency = 0;
  let rate = Infinity;
  const later = (act: () => void) => void (latency === 0 ? act() : setTimeout(act, latency));
  const listener = createServer((near) => {
    if (mode === "cut") return void near.destroy();
    const far = connect(Number(target.port), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      const pass = (data: Buffer) => void (mode === "open" && later(() => void (to.destroyed || to.write(data))));
      from.on("data", (data) => void (rate === Infinity ? pass(data) : drip(from, data, rate, pass)));
      from.on("error", () => undefined);
      from.on("close", () => {
        later(() => void to.destroy());
        pairs.delete(pair);
      });
    }
  });
  const end = () => pairs.forEach((pair) => pair.forEach((socket) => socket.destroy()));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut() {
      mode = "cut";
      end();
    },
    freeze: () => void (mode = "frozen"),
    delay: (ms) => void (latency = ms),
    throttle: (bytesPerSecond) => void (rate = bytesPerSecond),
    mend: () => void (mode = "open"),
    async [Symbol.asyncDispose]() {
      end();
      listener.close();
      await once(listener, "close");
    },
  };
}

/** Times a second that a throttled wire passes something on. */
const DRIPS = 50;

/** Passes bytes on slowly, and takes no more before they have passed. */
function drip(from: Socket, data: Buffer, rate: number, pass: (part: Buffer) => void): void {
  const size = Math.max(1, Math.floor(rate / DRIPS));
  from.pause();
  const step = (start: number) => {
    if (from.destroyed) return;
    pass(data.subarray(start, start + size));
    if (start + size < data.length) setTimeout(() => step(start + size), 1000 / DRIPS);
    else setTimeout(() => from.resume(), 1000 / DRIPS);
  };
  step(0);
}
