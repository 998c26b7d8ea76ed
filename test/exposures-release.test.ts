import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { exposureService as api } from "@berth/contract";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { eventually, exposuresPath, makePool, stored } from "./support/exposures.ts";
import type { ExposureAnswer, TestPool } from "./support/exposures.ts";

const SERVICES = `apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: x }
  ports: [{ name: mqtt, port: 1883 }, { name: dns, port: 53, protocol: UDP }, { name: dns-tcp, port: 53 }]
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }}-headless }
spec: { clusterIP: None, ports: [{ port: 9 }] }
`;

let berth: TestBerth;
let chart: string;
let pool: TestPool;

before(async () => {
  berth = await startTestBerth();
  chart = await berth.charts.write("device", { "templates/services.yaml": SERVICES });
  pool = await makePool(berth, { from: 25_000, to: 25_099, udp: true, simulated: true, allowed: { all: true } });
});
after(() => berth[Symbol.asyncDispose]());

interface ReleaseAnswer {
  readonly exposures: readonly {
    readonly name: string;
    readonly service: string;
    readonly endpoint: string;
    readonly ready: boolean;
  }[];
}
const release = (name: string) => berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`);
const install = (name: string, more: object) =>
  berth.request<OperationAnswer>("POST", berth.releases, { name, chart: { path: chart }, ...more });

test("what an install is to expose is ready with it, named by its release, and goes with it if so wished", async () => {
  const wish = { service: "first", service_port_name: "mqtt", pool: pool.name };
  succeeded(
    await install("first", {
      expose: [
        { ...wish, delete_with_release: true },
        { ...wish, name: "stays" },
      ],
    }),
  );
  const { exposures } = await eventually("both are ready", async () => {
    const { body } = await release("first");
    return body.exposures.length === 2 && body.exposures.every(({ ready }) => ready) ? body : undefined;
  });
  assert.deepEqual(
    exposures.map(({ name }) => name),
    ["first-mqtt", "stays"],
  );
  assert.match(exposures[0]?.endpoint ?? "", /^p-[0-9a-f]+-0\.example\.com:25\d{3}$/);
  const one = await berth.request<ExposureAnswer>("GET", `${exposuresPath(berth)}/first-mqtt`);
  assert.deepEqual([one.body.simulated, one.body.release], [true, "first"]);
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/first`));
  const path = `namespaces/${berth.namespace}/exposures`;
  await eventually(
    "it goes with the release",
    async () => ((await stored(berth.kube, `${path}/first-mqtt`)) === undefined ? true : undefined),
    40_000,
  );
  assert.ok(await stored(berth.kube, `${path}/stays`));
});

test("a namespace that the install makes has its exposures too, and a wish that cannot be met refuses the install", async () => {
  const namespace = `${berth.namespace}-new`;
  const body = {
    ...{ name: "fresh", chart: { path: chart }, create_namespace: true },
    expose: [{ service: "fresh", service_port: 1883, pool: pool.name }],
  };
  const releases = `/v1/clusters/local/namespaces/${namespace}/releases`;
  succeeded(await berth.request<OperationAnswer>("POST", releases, body));
  await eventually("it is ready", async () => {
    const found = await berth.request<ReleaseAnswer>("GET", `${releases}/fresh`);
    return found.body.exposures[0]?.ready === true ? true : undefined;
  });
  await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
  const wish = { service: "never", service_port: 1 };
  refused(await install("never", { expose: [{ ...wish, pool: "no-such-pool" }] }), 404, "POOL_NOT_FOUND", "pool");
  refused(await install("never", { expose: [wish] }), 404, "POOL_NOT_FOUND", "pool");
  refused(
    await install("never", { expose: [{ service: "never" }] }),
    400,
    "INVALID_ARGUMENT",
    "expose[0].service_port",
  );
});

test("every port of a release is exposed by one call, and it is watched over SSE and gRPC", async () => {
  succeeded(await install("all", {}));
  const transport = createGrpcTransport({ baseUrl: berth.url });
  const client = createClient(api.ExposureService, transport);
  const ending = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    const request = { cluster: "local", namespace: berth.namespace, release: "all" };
    for await (const { type, exposure } of client.watchExposures(request, { signal: ending.signal })) {
      seen.push(`${type} ${exposure?.name ?? ""} ${exposure?.endpoint ?? ""}`);
    }
  })().catch(() => undefined);
  const sse = await fetch(`${berth.url}${exposuresPath(berth)}:watch?release=all`, { signal: ending.signal });
  assert.equal(sse.headers.get("content-type"), "text/event-stream");
  const expose = () =>
    berth.request<{ exposures: ExposureAnswer[] }>("POST", `${berth.releases}/all:expose`, {
      pool: pool.name,
      delete_with_release: true,
    });
  const { status, body } = await expose();
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(
    body.exposures.map(({ name, protocols, state }) => [name, protocols, state]),
    [
      ["all-53", ["PROTOCOL_TCP", "PROTOCOL_UDP"], "EXPOSURE_STATE_READY"],
      ["all-1883", ["PROTOCOL_TCP"], "EXPOSURE_STATE_READY"],
    ],
  );
  assert.deepEqual(
    (await expose()).body.exposures.map(({ endpoint }) => endpoint),
    body.exposures.map(({ endpoint }) => endpoint),
  );
  const last = `all-1883 ${body.exposures[1]?.endpoint ?? ""}`;
  await eventually("the watch tells it", () => (seen.some((line) => line.endsWith(last)) ? true : undefined));
  assert.equal(seen[0], "synced  ");
  await berth.request("DELETE", `${exposuresPath(berth)}/all-53`);
  await eventually("and its end", () => (seen.some((line) => line.startsWith("deleted all-53")) ? true : undefined));
  const reader = sse.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: deleted")) text += (await reader?.read())?.value ?? "";
  assert.match(text, /event: synced\n/);
  assert.match(text, new RegExp(`"endpoint":"${body.exposures[1]?.endpoint ?? ""}"`));
  ending.abort();
  await watching;
});
