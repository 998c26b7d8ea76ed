import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { startTestBerth } from "./support/berth.ts";
import { findBrowser, runInBrowser } from "./support/browser.ts";
import { CONFIG_MAP } from "./support/charts.ts";

const browser = findBrowser();

interface Told {
  readonly failure?: string;
  readonly status?: string;
  readonly numbers: readonly number[];
  readonly names: readonly string[];
  readonly missing: string;
  readonly change: string;
  readonly noGrpc: string;
}

/** What the page does, by each protocol that a browser speaks. */
function script(namespace: string, chart: string, protocol: string): string {
  return `
    import { BerthApiError, createBerth, followOperation, requireSuccess, watchPools } from "@berth/sdk";
    const told = { numbers: [] };
    try {
      const berth = createBerth({ url: location.origin, protocol: ${JSON.stringify(protocol)} });
      const target = { cluster: "local", namespace: ${JSON.stringify(namespace)} };
      const chart = { path: ${JSON.stringify(chart)} };
      const name = ${JSON.stringify(`by-${protocol}`)};
      const { id } = await berth.releases.installRelease({ ...target, name, chart, values: { value: "x" } });
      for await (const event of followOperation(berth.connection, id)) {
        if ("n" in event) told.numbers.push(event.n);
        if (event.type === "operation" && event.operation.done) {
          told.status = requireSuccess(event.operation).result.release.status;
        }
      }
      told.names = (await berth.releases.listReleases(target)).releases.map((one) => one.name);
      told.missing = await berth.releases.getRelease({ ...target, name: "none" }).catch((error) =>
        error instanceof BerthApiError ? error.code : String(error));
      for await (const change of watchPools(berth.connection, { cluster: "local" })) {
        told.change = change.type;
        break;
      }
      try {
        createBerth({ url: location.origin, protocol: "grpc" });
      } catch (error) {
        told.noGrpc = error.name;
      }
    } catch (error) {
      told.failure = String(error?.stack ?? error);
    }
    await fetch("/result", { method: "POST", body: JSON.stringify(told) });`;
}

async function bundle(contents: string): Promise<string> {
  const stdin = { contents, resolveDir: join(import.meta.dirname, ".."), loader: "ts" as const };
  const common = { bundle: true, write: false, platform: "browser", format: "esm", target: "es2022" } as const;
  const { outputFiles } = await build({ ...common, stdin, logLevel: "silent" });
  return outputFiles[0]?.text ?? "";
}

for (const protocol of ["connect", "grpc-web", "rest"]) {
  test(
    `in a real browser the SDK installs, follows over a cut, lists, watches and reads errors by ${protocol}`,
    { skip: browser === undefined ? "there is no Chromium here" : false, timeout: 120_000 },
    async () => {
      await using berth = await startTestBerth();
      const chart = await berth.charts.write("browsed", { "templates/config.yaml": CONFIG_MAP });
      const page = await bundle(script(berth.namespace, chart, protocol));
      assert.doesNotMatch(page, /["']node:/);
      const run = await runInBrowser(browser ?? "", page, berth.url);
      const told = run.told as Told;
      assert.ok(run.streams >= 2, "the cut stream was opened again");
      assert.equal(told.failure, undefined);
      assert.deepEqual([told.status, told.missing, told.noGrpc], ["deployed", "RELEASE_NOT_FOUND", "TypeError"]);
      assert.deepEqual(told.names, [`by-${protocol}`]);
      assert.deepEqual(
        told.numbers,
        told.numbers.map((_, i) => i + 1),
        "each event came once, though the stream was cut",
      );
      assert.ok(told.numbers.length > 0);
      assert.match(told.change, /^(added|synced)$/);
    },
  );
}
