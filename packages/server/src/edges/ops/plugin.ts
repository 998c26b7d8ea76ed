import type { FastifyInstance } from "fastify";

import type { Berth } from "../../berth.ts";
import type { Metrics } from "./metrics.ts";

const LIVE = ["/livez", "/healthz"];
const READY = "/readyz";

/** Paths that anybody may ask. */
export const HEALTH: ReadonlySet<string> = new Set([...LIVE, READY]);

/** Metrics in Prometheus' text; and health: /livez and /healthz say that the process answers, /readyz that it can do its work, and if not, why. */
export function registerOps(app: FastifyInstance, berth: Berth, metrics: Metrics): void {
  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  for (const path of LIVE) app.get(path, () => ({ status: "ok" }));
  app.get(READY, async (_request, reply) => {
    const checks = berth.readiness.map(({ name, check }) => ({ name, ...check() }));
    const isReady = checks.every(({ ok }) => ok);
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? "ok" : "not ready", checks });
  });
}
