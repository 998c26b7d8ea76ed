import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rename, rm, symlink, writeFile, mkdir } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";

import { releaseService } from "@berth/contract";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createAuthority, issue, waitUntil } from "@berth/devcluster";
import type { KeyPairPem } from "@berth/devcluster";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, hookJob } from "./support/charts.ts";

const directory = await mkdtemp(join(tmpdir(), "berth-tls-"));
const authority = await createAuthority("berth-test");
const ca = authority.cert;
const clients = await createAuthority("clients");
const client = await issue(clients, { commonName: "somebody", usages: ["client"] });
let berth: TestBerth;

/** The files as Kubernetes has those of a Secret: links into a folder that is itself a link, which is swapped. */
async function writeSecret(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(directory, name);
  await mkdir(folder, { recursive: true });
  const version = `..${String(Date.now())}`;
  await mkdir(join(folder, version));
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(folder, version, file), content, { mode: 0o600 });
    await symlink(join("..data", file), join(folder, file)).catch(() => undefined);
  }
  await symlink(version, join(folder, "..next"));
  await rename(join(folder, "..next"), join(folder, "..data"));
  return folder;
}

function serverPair(): Promise<KeyPairPem> {
  return issue(authority, { commonName: "berth", hosts: ["127.0.0.1", "localhost"], usages: ["server"] });
}

async function writePair(name: string, { cert, key }: KeyPairPem): Promise<string> {
  return writeSecret(name, { "tls.crt": cert, "tls.key": key, "ca.crt": clients.cert });
}

async function start(name: string, environment: Readonly<Record<string, string>> = {}): Promise<TestBerth> {
  const folder = await writePair(name, await serverPair());
  const files = { BERTH_TLS_CERT_FILE: join(folder, "tls.crt"), BERTH_TLS_KEY_FILE: join(folder, "tls.key") };
  return startTestBerth({ ca, environment: { ...files, ...environment } });
}

before(async () => {
  berth = await start("plain");
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Opens a connection and gives it once its keys are agreed on. */
async function open(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({ host: hostname, port: Number(port), ca, ...options });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined);
  return socket;
}

async function ask(url: string, options: ConnectionOptions = {}): Promise<{ status: number; body: string }> {
  const sent = request(url, { ca, agent: false, ...options });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

const nodeOptions = { ca };
const transports: Readonly<Record<string, () => Transport>> = {
  "connect over HTTP/1.1": () => createConnectTransport({ baseUrl: berth.url, httpVersion: "1.1", nodeOptions }),
  "connect over HTTP/2": () => createConnectTransport({ baseUrl: berth.url, httpVersion: "2", nodeOptions }),
  gRPC: () => createGrpcTransport({ baseUrl: berth.url, nodeOptions }),
  "gRPC-Web": () => createGrpcWebTransport({ baseUrl: berth.url, httpVersion: "1.1", nodeOptions }),
};

for (const [name, transport] of Object.entries(transports)) {
  test(`${name} is served over TLS`, async () => {
    const service = createClient(releaseService.ReleaseService, transport());
    const { releases } = await service.listReleases({ cluster: "local", namespace: berth.namespace });
    assert.deepEqual(releases, []);
    const missing = await service
      .getRelease({ cluster: "local", namespace: berth.namespace, name: "none" })
      .catch((error: unknown) => error);
    assert.ok(missing instanceof ConnectError);
    assert.equal(missing.code, Code.NotFound);
  });
}

test("REST is served over TLS, by HTTP/1.1 and, as ALPN says, HTTP/2", async () => {
  assert.match(berth.url, /^https:/);
  const path = `${berth.releases}/none`;
  assert.equal((await ask(berth.url + path)).status, 404);
  const session = connectHttp2(berth.url, { ca });
  const stream = session.request({ ":path": path });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 404);
  assert.equal(session.alpnProtocol, "h2");
  stream.resume();
  session.close();
  // A client that does not say what it speaks is looked at.
  const mute = await open(berth.url);
  mute.write("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  assert.match(await text(mute), /^HTTP\/1\.1 200/);
});

test("what speaks no TLS, or an old one, is refused", async () => {
  const { hostname, port } = new URL(berth.url);
  const plain = connect(Number(port), hostname);
  plain.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
  assert.equal(await text(plain).catch(() => ""), "");
  const http2 = connect(Number(port), hostname);
  http2.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");
  assert.equal(await text(http2).catch(() => ""), "");
  await assert.rejects(open(berth.url, { maxVersion: "TLSv1.1", minVersion: "TLSv1.1" }));
  const older = await open(berth.url, { maxVersion: "TLSv1.2" });
  assert.equal(older.getProtocol(), "TLSv1.2");
  older.destroy();
});

test("a new certificate is taken while connections stay open, a bad one is not", { timeout: 60_000 }, async () => {
  await using own = await start("rotated", { BERTH_TLS_MIN_VERSION: "1.3" });
  await assert.rejects(open(own.url, { maxVersion: "TLSv1.2" }));
  const session = connectHttp2(own.url, { ca });
  await once(session, "connect");
  const serialOf = async () => {
    const socket = await open(own.url);
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const first = await serialOf();
  await writeSecret("rotated", { "tls.crt": (await serverPair()).cert, "tls.key": "no key" });
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  assert.equal(await serialOf(), first, "the old pair stays");
  await writePair("rotated", await serverPair());
  await waitUntil("the new certificate is shown", 20_000, async () => (await serialOf()) !== first);
  await assert.rejects(open(own.url, { maxVersion: "TLSv1.2" }), "the version stays what it was");
  const stream = session.request({ ":path": "/livez" });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 200);
  stream.resume();
  session.close();
});

test("with an authority of clients, who shows no certificate of it gets health alone", async () => {
  await using own = await start("mutual", { BERTH_TLS_CLIENT_CA_FILE: join(directory, "mutual/ca.crt") });
  const url = own.url + own.releases;
  const stranger = await issue(authority, { commonName: "stranger", usages: ["client"] });
  for (const one of [{}, stranger]) {
    const { status, body } = await ask(url, one);
    assert.equal(status, 401);
    assert.equal((JSON.parse(body) as { code: string }).code, "UNAUTHENTICATED");
    assert.equal((await ask(`${own.url}/readyz`, one)).status, 200);
  }
  assert.equal((await ask(url, client)).status, 200);
  const list = (nodeOptions: object) =>
    createClient(releaseService.ReleaseService, createGrpcTransport({ baseUrl: own.url, nodeOptions })).listReleases({
      cluster: "local",
      namespace: own.namespace,
    });
  assert.deepEqual((await list({ ca, ...client })).releases, []);
  await assert.rejects(list({ ca }), { code: Code.Unauthenticated });
  // A session that is taken up again is no way around.
  const socket = await open(own.url);
  let session: Buffer | undefined;
  socket.on("session", (one: Buffer) => (session = one));
  socket.write("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  await text(socket);
  assert.equal((await ask(url, session === undefined ? {} : { session })).status, 401);
});

test("over TLS too the port closes by its deadline with idle clients and open streams", async () => {
  await using own = await start("drained");
  const handshaken = await open(own.url);
  const kept = await open(own.url, { ALPNProtocols: ["http/1.1"] });
  kept.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(kept, "data");
  const session = connectHttp2(own.url, { ca });
  session.on("error", () => undefined);
  await once(session, "connect");
  const slow = await own.charts.write("slow", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("slow", "pre-install", true),
  });
  const headers = { accept: "text/event-stream", "content-type": "application/json" };
  const events = request(own.url + own.releases, { ca, method: "POST", headers });
  events.on("error", () => undefined);
  events.end(JSON.stringify({ name: "slow", chart: { path: slow } }));
  const [answer] = (await once(events, "response")) as [IncomingMessage];
  answer.on("error", () => undefined);
  await once(answer, "data");
  const closed = Promise.all([handshaken, kept].map((socket) => once(socket, "close")));
  const started = Date.now();
  await own.close(1_500);
  const ms = Date.now() - started;
  assert.ok(ms < 3_500, `closing took ${String(ms)} ms`);
  await closed;
  await assert.rejects(ask(`${own.url}/livez`));
  session.destroy();
});
