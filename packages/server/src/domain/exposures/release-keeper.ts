import type { Clock, Logger } from "@berth/base";
import { deleteObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { ExposureCache } from "./cache.ts";
import { exposureReference, isDeleting } from "./resource.ts";
import type { ExposureObject } from "./resource.ts";

/** How often releases are looked for, in milliseconds. */
const INTERVAL = 2_000;
/** A release has to be gone for so long, and its exposure to be so old: other replicas may know more; in milliseconds. */
const GRACE = 5_000;

/** What is known of releases. */
export interface ReleaseKeeperParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  /** Whether a release is there: undefined before that is known. */
  readonly isThere: (namespace: string, release: string) => boolean | undefined;
  /** Whether an operation of a release is open: it may still make it. */
  readonly isOpen: (namespace: string, release: string) => boolean;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Deletes the exposures that are to go with their release, once that one is gone. */
export interface ReleaseKeeper {
  start(): void;
  stop(): Promise<void>;
}

/** Makes the keeper. */
export function createReleaseKeeper(parts: ReleaseKeeperParts): ReleaseKeeper {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  return {
    start: () => void (running ??= run(parts, stopping.signal)),
    async stop() {
      stopping.abort(new Error("stopped"));
      await running;
    },
  };
}

async function run(parts: ReleaseKeeperParts, signal: AbortSignal): Promise<void> {
  const { cache, clock, log } = parts;
  /** Since when the release of an exposure (by uid) is gone. */
  const gone = new Map<string, number>();
  while (!signal.aborted) {
    const wanted = cache.exposures.list().filter(({ spec }) => spec.release?.deleteWith === true);
    const missing = wanted.filter((one) => isWithout(parts, one));
    const known = new Set(missing.map(uidOf));
    for (const uid of gone.keys()) if (!known.has(uid)) gone.delete(uid);
    for (const exposure of missing) {
      const since = gone.get(uidOf(exposure)) ?? clock.monotonic();
      gone.set(uidOf(exposure), since);
      if (clock.monotonic() - since < GRACE) continue;
      await remove(parts, exposure).catch((error: unknown) => {
        log.warn({ exposure: exposure.metadata.name, error }, "an exposure could not be deleted with its release");
      });
    }
    await clock.sleep(INTERVAL, signal).catch(() => undefined);
  }
}

function isWithout({ isThere, isOpen, clock }: ReleaseKeeperParts, exposure: ExposureObject): boolean {
  const { metadata, spec } = exposure;
  const { namespace = "" } = metadata;
  const { name = "" } = spec.release ?? {};
  const isYoung = clock.now() - Date.parse(metadata.creationTimestamp ?? "") < GRACE;
  if (isDeleting(exposure) || isYoung || isOpen(namespace, name)) return false;
  return isThere(namespace, name) === false;
}

async function remove({ client, log }: ReleaseKeeperParts, exposure: ExposureObject): Promise<void> {
  const { namespace, name, uid } = exposure.metadata;
  await deleteObject(client, exposureReference(exposure), { uid });
  log.info({ namespace, name, release: exposure.spec.release?.name }, "an exposure goes with its release");
}

function uidOf({ metadata }: ExposureObject): string {
  return metadata.uid ?? "";
}
