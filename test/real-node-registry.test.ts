import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";

import {
  ensureRealNode,
  nodeOutlet,
  nodeRegistry,
  ownTestCluster,
  pushImage,
  waitUntil,
  whyNoRealNode,
  writeImage,
} from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";

const skip = whyNoRealNode()?.message ?? false;
const IMAGE = `${nodeRegistry.name}/tests/web:1`;

/** What answers HTTP is the registry's own program, of which the node has no image. */
const APP = `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: {{ .Values.image }}
          readinessProbe: { httpGet: { path: /v2/, port: 8080 }, periodSeconds: 1 }
`;

let directory: string;
let cluster: DevCluster;
let berth: TestBerth;
/** Where the node's registry is on this machine: host and port. */
let registry: string;

before(async () => {
  if (skip !== false) return;
  directory = await mkdtemp(join(tmpdir(), "berth-registry-"));
  const real = await ensureRealNode();
  cluster = await ownTestCluster({ real, internet: true });
  berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
  assert.ok(cluster.node !== undefined);
  registry = `127.0.0.1:${String((await cluster.node.forward(nodeRegistry)).port)}`;
  await waitUntil("the registry answers", 20_000, async () => (await fetch(`http://${registry}/v2/`)).ok);
  const settings = join(directory, "settings.json");
  await writeFile(settings, JSON.stringify({ version: "0.1", storage: { inmemory: {} }, http: { addr: ":8080" } }));
  const archive = join(directory, "web.tar");
  const files = { registry: real.registry, "settings.json": settings };
  const args = ["serve", "/settings.json"];
  await writeImage({ name: IMAGE, file: archive, files, entrypoint: ["/registry"], args, user: "1000" });
  await pushImage(archive, `http://${registry}`);
});
after(async () => {
  if (skip !== false) return;
  await berth[Symbol.asyncDispose]();
  await cluster.stop();
  await rm(directory, { recursive: true });
});

test(
  "a chart and its image both come from the node's registry: helm pushes, Berth installs, the kubelet pulls",
  { skip },
  async () => {
    const chart = await berth.charts.write("web", { "templates/app.yaml": APP });
    await berth.helm("package", chart, "-d", directory);
    await berth.helm("push", join(directory, "web-1.0.0.tgz"), `oci://${registry}/charts`, "--plain-http");
    const install = (name: string, image: string, timeout: string) => {
      const from = { url: `oci://${registry}/charts/web`, version: "1.0.0", access: { plain_http: true } };
      const body = { name, chart: from, values: { image }, options: { wait: true, timeout } };
      return berth.request<OperationAnswer>("POST", berth.releases, body);
    };
    succeeded(await install("web", IMAGE, "60s"));
    const events = await berth.object<{ items: { message: string }[] }>("api/v1/namespaces/{ns}/events");
    const said = (events?.items ?? []).map(({ message }) => message).join("\n");
    assert.match(said, new RegExp(`Successfully pulled image "${IMAGE}"`));

    const missing = `${nodeRegistry.name}/tests/web:2`;
    const error = failed(await install("missing", missing, "10s"), "WAIT_TIMEOUT");
    assert.match(error.reason ?? "", /ErrImagePull|ImagePullBackOff/);
    assert.match(error.reason ?? "", new RegExp(`${missing}.*not found`));
  },
);

/** Asks the node's way out for a tunnel, and for `/` through it; gives both answers. */
async function throughOutlet(to: string): Promise<{ status: number; body: string }> {
  assert.ok(cluster.node !== undefined);
  await using forward = await cluster.node.forward(nodeOutlet);
  const asked = request({ host: "127.0.0.1", port: forward.port, method: "CONNECT", path: to }).end();
  const [answer, socket] = (await once(asked, "connect")) as [IncomingMessage, Socket];
  const status = answer.statusCode ?? 0;
  if (status !== 200) {
    socket.destroy();
    return { status, body: "" };
  }
  const inner = request({ createConnection: () => socket, path: "/" }).end();
  const [response] = (await once(inner, "response")) as [IncomingMessage];
  return { status, body: await text(response) };
}

test(
  "with --internet the node asks for images through this machine, but reaches nothing that is for this machine alone",
  { skip },
  async () => {
    const server = createServer((_request, response) => response.end("from outside")).listen(0);
    try {
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
      const outer = addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
      if (outer !== undefined) {
        assert.deepEqual(await throughOutlet(`${outer}:${String(port)}`), { status: 200, body: "from outside" });
      }
      for (const name of ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"]) {
        assert.equal((await throughOutlet(`${name}:${String(port)}`)).status, 403, name);
      }
      assert.equal((await throughOutlet("nowhere.invalid:443")).status, 502);
    } finally {
      server.close();
    }
    const chart = await berth.charts.write("elsewhere", { "templates/app.yaml": APP });
    const values = { image: "nowhere.invalid/web:1" };
    const body = { name: "elsewhere", chart: { path: chart }, values, options: { wait: true, timeout: "10s" } };
    const error = failed(await berth.request<OperationAnswer>("POST", berth.releases, body), "WAIT_TIMEOUT");
    assert.match(error.reason ?? "", /Bad Gateway/, "the answer of the way out");
  },
);
