import { hapiRelease, swift } from "@berth/contract";
import { create } from "@bufbuild/protobuf";

import type { Berth } from "../../berth.ts";
import type { Command, ReleaseTarget } from "../../domain/command.ts";
import type { Operation, RequestContext } from "../../domain/operations/index.ts";
import type { Release } from "../../domain/releases/index.ts";
import { UNTIL_ENDED } from "../shared/context.ts";
import { createTable } from "../shared/handler.ts";
import type { AddHandler, Handler, Hints } from "../shared/handler.ts";
import { toInstall, toRollback, toUninstall, toUpgrade } from "./commands.ts";
import { findTarget, toNewTarget } from "./find.ts";
import { toInfo, toRelease, toResources, toShortRelease, toState } from "./messages.ts";
import { summarize } from "./summarize.ts";

const DEFAULT_HISTORY = 256;

/** What each RPC of appscode.swift.v2 does, for REST and gRPC. */
export function createSwiftHandlers(berth: Berth): ReadonlyMap<string, Handler> {
  const { table, on } = createTable();
  const service = swift.ReleaseService.method;
  addReads(on, berth);
  on(service.installRelease, async (request, context, hints) => {
    const ended = await write(berth, toInstall(request, toNewTarget(berth, request)), context, hints);
    return { release: await written(berth, ended, request.dryRun) };
  });
  on(service.updateRelease, async (request, context, hints) => {
    const ended = await write(berth, toUpgrade(request, await findTarget(berth, request)), context, hints);
    return { release: await written(berth, ended, request.dryRun) };
  });
  on(service.rollbackRelease, async (request, context, hints) => {
    const ended = await write(berth, toRollback(request, await findTarget(berth, request)), context, hints);
    return { release: await written(berth, ended, request.dryRun) };
  });
  on(service.uninstallRelease, async (request, context, hints) => {
    const target = await findTarget(berth, request);
    const last = await berth.releases.get(berth.principal, target, 0);
    const { result } = await write(berth, toUninstall(request, target), context, hints);
    // Purged, nothing is left to read; its callers read when and how it went all the same.
    const gone: Release = { ...last, status: "uninstalled", deleted: new Date(), description: "Deletion complete" };
    return { release: toShortRelease(result?.release ?? gone), info: "" };
  });
  return table;
}

function addReads(on: AddHandler, berth: Berth): void {
  const { releases, principal } = berth;
  const service = swift.ReleaseService.method;
  on(service.summarizeReleases, (request, _context, hints) => summarize(berth, request, hints));
  on(service.getReleaseStatus, async (request, _context, hints) => {
    const target = await findTarget(berth, request);
    const content = await releases.content(principal, target, request.version, { signal: hints?.signal });
    // Only the newest revision has objects that live.
    const resources = request.version === 0 ? toResources(await releases.status(principal, target, 0, hints)) : "";
    const { name, namespace } = target;
    return { name, namespace, info: toInfo(content.release, { ...toState(content), resources }) };
  });
  on(service.getReleaseContent, async (request, _context, hints) => {
    const target = await findTarget(berth, request);
    const options = { withChart: true, signal: hints?.signal };
    const content = await releases.content(principal, target, request.version, options);
    return { release: toRelease(content, request.formatValuesAsJson) };
  });
  on(service.getHistory, async (request, _context, hints) => {
    const target = await findTarget(berth, request);
    const max = request.max > 0 ? request.max : DEFAULT_HISTORY;
    const revisions = await releases.history(principal, target, max, hints);
    return { releases: revisions.map(toShortRelease) };
  });
  on(service.getVersion, () => Promise.resolve({ Version: { semVer: `v${berth.version}`, gitTreeState: "clean" } }));
}

/** Submits a write and waits for its end; throws where it failed. */
async function write(berth: Berth, command: Command, context: RequestContext, hints?: Hints): Promise<Operation> {
  const options = { idempotencyKey: hints?.idempotencyKey, waitMs: UNTIL_ENDED, signal: hints?.signal };
  const operation = await berth.submit(berth.principal, command, context, options);
  if (operation.error !== undefined) throw operation.error;
  return operation;
}

/** The revision that a write has made; of a dry run what it would be. */
async function written({ releases, principal }: Berth, operation: Operation, isDryRun: boolean) {
  const { cluster, namespace, release: name, result } = operation;
  const target: ReleaseTarget = { cluster, namespace, name };
  if (!isDryRun) {
    const revision = result?.release?.revision ?? 0;
    return toRelease(await releases.content(principal, target, revision, { withChart: true }));
  }
  const { manifest = "", notes = "" } = result ?? {};
  return create(hapiRelease.ReleaseSchema, { name, namespace, manifest, info: { status: { notes } } });
}
