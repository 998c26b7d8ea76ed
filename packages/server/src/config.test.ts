import assert from "node:assert/strict";
import { test } from "node:test";

import { loadConfig } from "./config.ts";

const least = { BERTH_KUBECONFIG: "/k", BERTH_ENGINE: "/e" };

test("the least there has to be gives a configuration on loopback, without local charts", () => {
  const config = loadConfig(least);
  assert.deepEqual(
    [config.host, config.port, config.localCharts, config.egress.allowLoopback],
    ["127.0.0.1", 4000, false, false],
  );
  assert.ok(Object.isFrozen(config));
});

test("Berth listens on loopback alone", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    assert.equal(loadConfig({ ...least, BERTH_HOST: host }).host, host);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.com", ""]) {
    assert.throws(() => loadConfig({ ...least, BERTH_HOST: host }), { code: "INVALID_ARGUMENT", field: "BERTH_HOST" });
  }
});

test("what is wrong is named", () => {
  assert.throws(() => loadConfig({}), { field: "BERTH_KUBECONFIG" });
  assert.throws(() => loadConfig({ ...least, BERTH_PORT: "x" }), { field: "BERTH_PORT" });
  assert.throws(() => loadConfig({ ...least, BERTH_LOCAL_CHARTS: "perhaps" }), { field: "BERTH_LOCAL_CHARTS" });
});

test("of the environment the engine gets Go's own variables and no other", () => {
  const config = loadConfig({ ...least, GOMEMLIMIT: "512MiB", SECRET: "x" });
  assert.deepEqual(config.engineEnvironment, { GOMEMLIMIT: "512MiB" });
});
