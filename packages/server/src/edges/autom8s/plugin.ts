import type { BerthError } from "@berth/base";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import type { Command } from "../../domain/command.ts";
import type { Operation } from "../../domain/operations/index.ts";
import { bodyText } from "../shared/body.ts";
import { toHints, UNTIL_ENDED } from "../shared/context.ts";
import { toBerthError } from "../shared/errors.ts";
import { callerGone } from "../shared/signals.ts";
import { toInstall, toPolicy, toUninstall, toUpgrade } from "./commands.ts";
import type { Defaults } from "./commands.ts";
import { parseFields } from "./parse.ts";
import type { Fields } from "./parse.ts";
import { addPorts, allFields, allowBodiesOfGet } from "./ports.ts";
import type { AddPath } from "./ports.ts";

type ToCommand = (fields: Fields, defaults: Defaults) => Command;

/**
 * The API of Autom8s: `POST /install`, `/upgrade`, `/delete`. Its callers know
 * two answers: 200 with `status: success`, and 500 with `status: failed` and a
 * reason, whatever went wrong.
 */
export function registerAutom8s(app: FastifyInstance, berth: Berth): void {
  registerPorts(app, berth);
  const defaults = { cluster: berth.defaultCluster, namespace: berth.defaultNamespace };
  const verbs: readonly (readonly [string, ToCommand, (operation: Operation) => object])[] = [
    ["/install", toInstall, withService],
    ["/upgrade", toUpgrade, withService],
    ["/delete", toUninstall, ({ release }) => ({ releaseName: release })],
  ];
  for (const [path, toCommand, describe] of verbs) {
    const errorHandler = (error: unknown, request: FastifyRequest) =>
      failed(toBerthError(error, berth.log, request.berth.requestId));
    app.post(path, {
      errorHandler: (error, request, reply) => {
        void reply.code(500).send(errorHandler(error, request));
      },
      handler: async (request, reply) => {
        const fields = parseFields(bodyText(request.body));
        const { idempotencyKey } = toHints((name) => {
          const value = request.headers[name];
          return typeof value === "string" ? value : undefined;
        });
        const operation = await berth.submit(berth.principal, toCommand(fields, defaults), request.berth, {
          waitMs: UNTIL_ENDED,
          idempotencyKey,
          signal: callerGone(reply.raw),
          policy: toPolicy(fields),
        });
        if (operation.error !== undefined) return reply.code(500).send(failed(operation.error));
        return { status: "success", ...describe(operation) };
      },
    });
  }
}

/** Adds `getPort` and `setrule`, whose callers know the same two answers. */
function registerPorts(app: FastifyInstance, berth: Berth): void {
  allowBodiesOfGet(app);
  const add: AddPath = (method, url, answer) =>
    void app.route({
      ...{ method, url },
      errorHandler: (error, request, reply) => {
        void reply.code(500).send(failed(toBerthError(error, berth.log, request.berth.requestId)));
      },
      handler: (request) => answer(allFields(request), request),
    });
  addPorts(add, berth);
}

function withService({ release, result }: Operation): object {
  return { serviceName: result?.firstService ?? null, releaseName: release };
}

function failed({ message, object, reason, hint }: BerthError): object {
  const where =
    object === undefined ? "" : ` (${object.kind} ${object.name}${reason === undefined ? "" : `: ${reason}`})`;
  return { status: "failed", reason: `${message}${where} ${hint}` };
}
