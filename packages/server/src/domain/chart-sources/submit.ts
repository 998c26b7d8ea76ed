import type { Clock } from "@berth/base";
import { patchObject } from "@berth/kube";

import { audited } from "../access/index.ts";
import type { Access, AuditedContext, Principal } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { Cluster } from "../clusters/index.ts";
import type { SourceCache } from "./cache.ts";
import { createSource } from "./create.ts";
import { deleteSource } from "./delete.ts";
import { explain, readSource, referenceTo } from "./objects.ts";
import { REFRESH, fromObject } from "./resource.ts";
import type { SourceObject } from "./resource.ts";
import type { ChartSource, RefreshSource, SourceCommand } from "./types.ts";
import { updateSource } from "./update.ts";

/** How long a refresh is waited for, in milliseconds. */
const REFRESH_WAIT = 20_000;
/** How long a deletion waits until lists do not show it any more, in milliseconds. */
const DELETE_WAIT = 2_000;

/** Kubernetes' verb for each of ours, for the access check. */
const ACCESS_VERBS = {
  create: "create",
  update: "update",
  delete: "delete",
  refresh: "update",
} as const satisfies Record<SourceCommand["verb"], string>;

/** What the gate is made of. */
export interface SourceSubmitParts {
  readonly access: Access;
  readonly audit: Audit;
  readonly home: Cluster;
  readonly cache: SourceCache;
  readonly clock: Clock;
}

/**
 * The gate of chart sources: authorises, audits, writes the object and gives it
 * as it is stored. What makes it true is the controller.
 */
export type SourceSubmit = (
  principal: Principal,
  command: SourceCommand,
  context: AuditedContext,
) => Promise<ChartSource>;

/** Makes the gate. */
export function createSourceSubmit(parts: SourceSubmitParts): SourceSubmit {
  return async (principal, command, context) => {
    const { verb, target } = command;
    const place = { cluster: parts.home.name, ...target };
    const asked = { principal, access: ACCESS_VERBS[verb], verb, resource: "chartsources", place, context };
    return fromObject(await audited(parts, asked, () => write(parts, command)));
  };
}

async function write(parts: SourceSubmitParts, command: SourceCommand): Promise<SourceObject> {
  const { home, cache } = parts;
  switch (command.verb) {
    case "create":
    case "update": {
      const stored =
        command.verb === "create" ? await createSource(home.client, command) : await updateSource(home.client, command);
      if (!command.dryRun) await cache.waitFor(stored.metadata.resourceVersion ?? "0");
      return stored;
    }
    case "delete": {
      const { namespace, name } = command.target;
      const deleted = await deleteSource(home.client, command);
      const isGone = () => cache.get(`${namespace}/${name}`)?.metadata.uid !== deleted.metadata.uid;
      if (!command.dryRun) await cache.until(isGone, DELETE_WAIT);
      return deleted;
    }
    case "refresh":
      return refresh(parts, command);
  }
}

/** Asks every replica by the object itself, and waits for the first to say how it went. */
async function refresh({ home, cache, clock }: SourceSubmitParts, { target }: RefreshSource): Promise<SourceObject> {
  const { namespace, name } = target;
  const asked = new Date(clock.now()).toISOString();
  const body = { metadata: { annotations: { [REFRESH]: asked } } };
  await patchObject(home.client, referenceTo(target), body).catch((error: unknown) => {
    throw explain(error, target);
  });
  const isAnswered = () => {
    const source = cache.get(`${namespace}/${name}`);
    return source === undefined || (source.status?.observedRefresh ?? "") >= asked;
  };
  await cache.until(isAnswered, REFRESH_WAIT);
  return readSource(home.client, target);
}
