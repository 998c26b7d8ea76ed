import { asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { AskOptions, Command } from "../command.ts";
import { showManifest } from "../releases/index.ts";
import type { Action, Actions, RequestContext } from "../releases/index.ts";
import type { Operation } from "./types.ts";

/** Does what changes nothing, at once: it is kept nowhere. Rejects where it would fail. */
export async function dryRun(
  parts: {
    readonly access: Access;
    readonly actions: Actions;
    readonly clusters: ClusterRegistry;
    readonly clock: Clock;
    readonly generateName: (chart: string) => string;
  },
  asked: {
    readonly id: string;
    readonly principal: Principal;
    readonly command: Command;
    readonly context: RequestContext;
    readonly options: AskOptions;
  },
): Promise<Operation> {
  const { id, principal, context } = asked;
  const command = named(asked.command, parts.generateName);
  const { cluster, namespace, name: release } = command.target;
  const begun = new Date(parts.clock.now());
  const action = parts.actions[command.verb] as Action;
  const { result, error } = await action(command, {
    ...{ operationId: id, cluster: parts.clusters.get(cluster), principal, context },
    signal: asked.options.signal ?? new AbortController().signal,
    onProgress: () => undefined,
  });
  if (error !== undefined) throw asBerthError(error);
  const manifest = await showManifest(parts.access, principal, command.target, result.manifest);
  const now = new Date(parts.clock.now());
  return {
    ...{ id, cluster, namespace, release, verb: command.verb, principal: principal.name },
    ...{ requestId: context.requestId, state: "succeeded", phase: "", applied: 0, total: 0, attempts: 1 },
    ...{ replica: "", retryOf: "", cancelledBy: "", lastEvent: 0, callback: "" },
    ...{
      createTime: begun,
      startTime: begun,
      endTime: now,
      nextAttemptTime: undefined,
      result: { ...result, manifest },
      error: undefined,
    },
  };
}

function named(command: Command, generateName: (chart: string) => string): Command {
  if (command.verb !== "install" || command.target.name !== "") return command;
  const { name, path, url } = command.chart;
  return { ...command, target: { ...command.target, name: generateName(name ?? path ?? url ?? "") } };
}
