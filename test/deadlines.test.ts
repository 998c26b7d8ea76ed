import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { errorDetails, releaseService } from "@berth/contract";
import { loadKubeconfig } from "@berth/kube";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { fromBinary } from "@bufbuild/protobuf";

import { openWire } from "../packages/kube/src/testing.ts";
import type { Wire } from "../packages/kube/src/testing.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";

/*
 * What nobody waits for any more is given up: by the gateway, by the engine, and at the places that the engine asks. Charts
 * come from a repository that never answers; the cluster is reached by a wire that can be frozen.
 */

/** Milliseconds that callers wait. */
const PATIENCE = 700;
/** Milliseconds within which all ends then. */
const SOON = 5_000;
const DIRECT = process.env["BERTH_TEST_CLUSTER"] ?? "";

let files: ChartDirectory;
let wire: Wire;
let berth: TestBerth;
let repository: Server;
let slow: string;
/** A resolved promise for each request that the engine has ended. */
let ended: Promise<unknown>[] = [];

before(async () => {
  repository = createServer((request) => void ended.push(once(request.socket, "close")));
  repository.listen(0, "127.0.0.1");
  await once(repository, "listening");
  slow = `http://127.0.0.1:${String((repository.address() as AddressInfo).port)}`;
  files = await makeChartDirectory();
  const { server } = await loadKubeconfig(DIRECT);
  wire = await openWire(server);
  const kubeconfig = join(files.path, "kubeconfig");
  const text = await readFile(DIRECT, "utf8");
  await writeFile(kubeconfig, text.replace(server, `${wire.url}\n      tls-server-name: kubernetes`), { mode: 0o600 });
  berth = await startTestBerth({ kubeconfig });
  const path = await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP });
  const installed = await berth.request("POST", berth.releases, { name: "there", chart: { path } });
  assert.equal(installed.status, 200);
});
after(async () => {
  wire.mend();
  await berth[Symbol.asyncDispose]();
  await wire[Symbol.asyncDispose]();
  repository.closeAllConnections();
  repository.close();
  await files[Symbol.asyncDispose]();
});

interface Refusal {
  readonly code: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** Calls by Connect with a deadline that only the server keeps. */
async function late(rpc: string, body: object): Promise<{ status: number; told: Refusal; ms: number }> {
  const begun = Date.now();
  const answer = await fetch(`${berth.url}/berth.v1.${rpc}`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": String(PATIENCE) },
    body: JSON.stringify(body),
  });
  return { status: answer.status, told: (await answer.json()) as Refusal, ms: Date.now() - begun };
}

function assertLate({ status, told, ms }: Awaited<ReturnType<typeof late>>): void {
  assert.deepEqual([status, told.code], [504, "deadline_exceeded"], JSON.stringify(told));
  const detail = told.details.find(({ type }) => type === "google.rpc.ErrorInfo");
  const info = fromBinary(errorDetails.ErrorInfoSchema, Buffer.from(detail?.value ?? "", "base64"));
  assert.equal(info.reason, "DEADLINE_EXCEEDED");
  assert.ok(ms >= PATIENCE - 100 && ms < SOON, `it took ${String(ms)} ms`);
}

/** The engine has asked the repository, and asks no more. */
async function assertGivenUp(): Promise<void> {
  assert.ok(ended.length > 0, "the repository was asked");
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("The engine still asks.")), SOON).unref());
  await Promise.race([Promise.all(ended), late]);
  ended = [];
}

const target = () => ({ cluster: "local", namespace: berth.namespace });
const CHART_CALLS: Readonly<Record<string, () => object>> = {
  "ReleaseService/RenderRelease": () => ({ ...target(), name: "a", chart: { url: `${slow}/a.tgz` } }),
  "ReleaseService/PlanInstall": () => ({ ...target(), name: "b", chart: { url: `${slow}/b.tgz` } }),
  "ReleaseService/PlanUpgrade": () => ({ ...target(), name: "there", chart: { url: `${slow}/c.tgz` } }),
  "ReleaseService/CompareReleaseValues": () => ({ ...target(), name: "there", chart: { url: `${slow}/d.tgz` } }),
  "ReleaseService/InstallRelease": () => ({
    ...{ ...target(), name: "e", chart: { url: `${slow}/e.tgz` } },
    options: { dryRun: true },
  }),
  "ChartService/ShowChart": () => ({ chart: { url: `${slow}/f.tgz` } }),
  "ChartService/ListChartVersions": () => ({ chart: { repository: `${slow}/g`, name: "g" } }),
  "ChartService/SearchCharts": () => ({ repository: `${slow}/h` }),
};

for (const [rpc, body] of Object.entries(CHART_CALLS)) {
  test(`the deadline of ${rpc} ends the fetch of its chart`, async () => {
    assertLate(await late(rpc, body()));
    await assertGivenUp();
  });
}

test("a gRPC deadline is told by the server, and a gRPC client that goes ends the work as well", async () => {
  const client = createClient(releaseService.ReleaseService, createGrpcTransport({ baseUrl: berth.url }));
  const request = { ...target(), name: "x", chart: { url: `${slow}/x.tgz` } };
  const error = await client.renderRelease(request, { timeoutMs: PATIENCE }).catch((caught: unknown) => caught);
  assert.equal(ConnectError.from(error).code, Code.DeadlineExceeded);
  await assertGivenUp();
  const gone = new AbortController();
  setTimeout(() => gone.abort(), PATIENCE);
  await assert.rejects(client.planInstall(request, { signal: gone.signal }));
  await assertGivenUp();
});

test("a REST client that goes ends the work", async () => {
  const asked = fetch(`${berth.url}${berth.releases}:plan`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "y", chart: { url: `${slow}/y.tgz` } }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  await assert.rejects(asked, { name: "TimeoutError" });
  await assertGivenUp();
});

test("a write that was accepted goes on when its caller does not", async () => {
  const chart = { url: `${slow}/never.tgz` };
  const asked = fetch(`${berth.url}${berth.releases}`, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: "wait=60" },
    body: JSON.stringify({ name: "goes-on", chart }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  await assert.rejects(asked, { name: "TimeoutError" });
  const { body } = await berth.request<{ operations: { id: string; state: string }[] }>(
    "GET",
    `/v1/operations?release=goes-on&namespace=${berth.namespace}`,
  );
  const [operation] = body.operations;
  assert.equal(operation?.state, "OPERATION_STATE_RUNNING");
  const cancelled = await berth.request<{ state: string }>("POST", `/v1/operations/${operation.id}:cancel`, {});
  assert.equal(cancelled.body.state, "OPERATION_STATE_CANCELLED");
  await assertGivenUp();
});

const READS: Readonly<Record<string, () => object>> = {
  GetRelease: () => ({ ...target(), name: "there" }),
  GetReleaseHistory: () => ({ ...target(), name: "there" }),
  GetReleaseValues: () => ({ ...target(), name: "there" }),
  GetReleaseStatus: () => ({ ...target(), name: "there" }),
  CheckRelease: () => ({ ...target(), name: "there" }),
  DiffRelease: () => ({ ...target(), name: "there" }),
};

test("reads end by their deadline though the API server says nothing", async () => {
  wire.freeze();
  try {
    for (const [rpc, body] of Object.entries(READS)) assertLate(await late(`ReleaseService/${rpc}`, body()));
    assertLate(await late("ExposureService/GetExposure", { ...target(), name: "none" }));
    assertLate(await late("ChartSourceService/GetChartSource", { namespace: berth.namespace, name: "none" }));
    assertLate(await late("PoolService/GetPool", { cluster: "local", name: "none" }));
  } finally {
    wire.mend();
  }
});
