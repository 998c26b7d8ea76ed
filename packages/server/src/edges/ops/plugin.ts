import type { FastifyInstance } from "fastify";

import type { Berth } from "../../berth.ts";

const LIVE = ["/livez", "/healthz"];
const READY = "/readyz";

/** Paths that anybody may ask. */
export const HEALTH: ReadonlySet<string> = new Set([...LIVE, READY]);

/** Health: /livez and /healthz say that the process answers, /readyz that it can do its work, and if not, why. */
export function registerOps(app: FastifyInstance, berth: Berth): void {
  for (const path of LIVE) app.get(path, () => ({ status: "ok" }));
  app.get(READY, async (_request, reply) => {
    const checks = berth.readiness.map(({ name, check }) => ({ name, ...check() }));
    const isReady = checks.every(({ ok }) => ok);
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? "ok" : "not ready", checks });
  });
}
