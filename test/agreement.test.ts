import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ownTestCluster } from "@berth/devcluster";

import { startTestBerth } from "./support/berth.ts";
import { whyNoPython } from "./support/python.ts";
import { readExceptions, runSchemathesis } from "./support/schemathesis.ts";

/** How long the checks may take, in seconds; where it is said, requests are new ones each time. */
const SECONDS = Number(process.env["BERTH_AGREEMENT_SECONDS"] ?? "90");
const skip = await whyNoPython();
if (skip !== undefined) console.log(`The document and the server are not compared: ${skip}.`);

// What it asks for is made up, pools too: that is nothing for a cluster that others test on.
test(
  "the OpenAPI document and the server agree on every operation",
  { skip, timeout: (SECONDS + 240) * 1000 },
  async () => {
    await using cluster = await ownTestCluster();
    const failures: unknown[] = [];
    const log = { debug: ignore, info: ignore, warn: ignore, error: (...said: unknown[]) => failures.push(said) };
    await using berth = await startTestBerth({
      kubeconfig: cluster.kubeconfig,
      log,
      // Whatever chart is named at random, nobody out there is asked for it.
      config: { egress: { allowedHosts: ["none.invalid"] } },
      environment: { BERTH_LOCAL_CHARTS: "false" },
    });
    const document = (await berth.request<{ paths: Record<string, object> }>("GET", "/openapi.json")).body;
    const total = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
    let left = total;
    for (const { reason, check, operations } of await readExceptions()) {
      assert.ok(reason !== "");
      if (check === "all") left -= operations.length;
      for (const operation of operations) {
        const [method = "", path = ""] = operation.split(" ");
        assert.ok(method.toLowerCase() in (document.paths[path] ?? {}), `there is no ${operation} to except`);
      }
    }
    const directory = await mkdtemp(join(tmpdir(), "berth-agreement-"));
    try {
      const parameters = { "path.cluster": "local", "path.namespace": berth.namespace };
      const { code, said } = await runSchemathesis({ url: berth.url, directory, parameters, seconds: SECONDS });
      assert.equal(code, 0, said);
      assert.match(
        said,
        new RegExp(`${String(left)} selected / ${String(total)} total`),
        "each operation is looked at",
      );
      assert.deepEqual(failures, [], "nothing failed inside Berth");
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

function ignore(): void {
  // Only failures are looked at.
}
