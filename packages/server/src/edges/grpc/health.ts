import { setTimeout as sleep } from "node:timers/promises";

import { health } from "@berth/contract";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";

import type { HealthCheck } from "../../berth.ts";

const Status = health.HealthCheckResponse_ServingStatus;
/** Between two looks for whoever watches, in milliseconds. */
const LOOK = 500;

/** gRPC health checking: the server and each of its services serve while /readyz says so. */
export function registerHealth(
  router: ConnectRouter,
  checks: readonly HealthCheck[],
  names: readonly string[],
  closing: AbortSignal,
): void {
  const known = new Set(["", ...names]);
  const current = () =>
    !closing.aborted && checks.every(({ check }) => check().ok) ? Status.SERVING : Status.NOT_SERVING;
  router.service(health.Health, {
    check({ service }: health.HealthCheckRequest) {
      if (!known.has(service)) throw new ConnectError(`There is no service "${service.slice(0, 200)}".`, Code.NotFound);
      return { status: current() };
    },
    async *watch({ service }: health.HealthCheckRequest, { signal }: HandlerContext) {
      let last: health.HealthCheckResponse_ServingStatus | undefined;
      const ending = AbortSignal.any([signal, closing]);
      while (!signal.aborted) {
        const status = known.has(service) ? current() : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        if (closing.aborted) return;
        last = status;
        await sleep(LOOK, undefined, { signal: ending }).catch(() => undefined);
      }
    },
  });
}
