import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { after, before, test } from "node:test";

import { BerthError } from "@berth/base";
import { testNamespace } from "@berth/devcluster";
import type { TestNamespace } from "@berth/devcluster";

import { createKubeClient } from "./client.ts";
import type { KubeClient } from "./client.ts";
import type { ClusterConnection } from "./connection.ts";
import { hasStatus, isConflict, isNotFound } from "./errors.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { collectionPath } from "./object.ts";
import type { KubeObject } from "./object.ts";
import { createObject, deleteObject, getObject, patchObject, updateObject } from "./requests.ts";
import { configMaps, seams } from "./testing.ts";

const skip = process.env.BERTH_TEST_CLUSTER === undefined && "BERTH_TEST_CLUSTER names no cluster: run `npm test`";

let place: TestNamespace;
let connection: ClusterConnection;
let client: KubeClient;
before(async () => {
  if (skip !== false) return;
  place = await testNamespace();
  connection = await loadKubeconfig(place.kubeconfig);
  client = createKubeClient(connection, seams);
});
after(async () => {
  await client?.close();
  await place?.[Symbol.asyncDispose]();
});

const where = () => ({ resource: configMaps, namespace: place.namespace });
const path = () => collectionPath(configMaps, place.namespace);

/** A client of another connection, for one question. */
async function asked(
  changes: Partial<ClusterConnection>,
  question = (by: KubeClient): Promise<unknown> => by.version(),
) {
  const other = createKubeClient({ ...connection, ...changes }, seams);
  try {
    return await question(other);
  } finally {
    await other.close();
  }
}

test("creates, reads, replaces and deletes", { skip }, async () => {
  assert.match((await client.version()).gitVersion, /^v1\.\d+/);
  const name = "object";
  const reference = { ...where(), name };
  assert.equal(await getObject(client, reference), undefined);
  const first = await createObject<KubeObject>(client, where(), { metadata: { name }, data: { a: "ä" } });
  assert.deepEqual(await getObject(client, reference), { kind: "ConfigMap", apiVersion: "v1", ...first });
  const again = createObject(client, where(), { metadata: { name } });
  await assert.rejects(again, (error) => isConflict(error) && (error as BerthError).code === "OBJECT_EXISTS");

  const next = await updateObject<KubeObject>(client, reference, { ...first, data: { a: "2" } });
  assert.notEqual(next.metadata.resourceVersion, first.metadata.resourceVersion);
  await assert.rejects(updateObject(client, reference, { ...first, data: {} }), { code: "APPLY_CONFLICT" });
  const none = updateObject(client, { ...where(), name: "none" }, { metadata: { name: "none" } });
  await assert.rejects(none, isNotFound);

  await assert.rejects(deleteObject(client, reference, { uid: "another" }), { code: "APPLY_CONFLICT" });
  const { uid } = first.metadata;
  assert.equal(await deleteObject(client, reference, { uid }), true);
  assert.equal(await deleteObject(client, reference), false);
});

test("patches fields, applies a part, and tries without storing", { skip }, async () => {
  const reference = { ...where(), name: "parts" };
  const body = { metadata: { name: "parts" }, data: { a: "1", b: "2" } };
  await createObject(client, where(), body, { dryRun: true });
  assert.equal(await getObject(client, reference), undefined);
  await createObject(client, where(), body);
  interface Map extends KubeObject {
    readonly data: Readonly<Record<string, string>>;
  }
  const tried = await patchObject<Map>(client, reference, { data: { a: null } }, { dryRun: true });
  assert.deepEqual(tried.data, { b: "2" });
  assert.equal(await deleteObject(client, reference, { dryRun: true }), true);
  const patched = await patchObject<Map>(client, reference, { data: { a: null, c: "3" } });
  assert.deepEqual(patched.data, { b: "2", c: "3" });
  const namespace = { resource: { group: "", version: "v1", plural: "namespaces" }, name: place.namespace };
  const read = await getObject<KubeObject & { status: { phase: string } }>(client, {
    ...namespace,
    subresource: "status",
  });
  assert.equal(read?.status.phase, "Active");
});

test("what the API server refuses has a code, its status and its reason", { skip }, async () => {
  const invalid = createObject(client, where(), { metadata: { name: "Not A Name" } });
  await assert.rejects(invalid, (error) => hasStatus(error, 422) && (error as BerthError).details.reason === "Invalid");
  const nobody = { clientCertificate: undefined, clientKey: undefined };
  const read = (by: KubeClient) => by.request({ path: path() });
  await assert.rejects(asked(nobody, read), { code: "FORBIDDEN" });
  await assert.rejects(asked({ ...nobody, token: "wrong" }, read), { code: "UNAUTHENTICATED" });
  const stream = (by: KubeClient) => by.stream({ path: path(), query: { watch: "true" } });
  await assert.rejects(asked(nobody, stream), { code: "FORBIDDEN" });
});

test("what does not answer is unreachable, and says why", { skip }, async () => {
  const reasonOf = (changes: Partial<ClusterConnection>) =>
    asked(changes).then(
      () => "no error",
      (error: unknown) => `${(error as BerthError).code} ${(error as BerthError).details.reason}`,
    );
  assert.equal(await reasonOf({ server: "https://127.0.0.1:1" }), "CLUSTER_UNREACHABLE ECONNREFUSED");
  assert.match(await reasonOf({ certificateAuthority: undefined }), /^CLUSTER_UNREACHABLE [A-Z_]+$/);
  assert.match(await reasonOf({ tlsServerName: "another.example" }), /ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.equal(await reasonOf({ certificateAuthority: undefined, insecureSkipTlsVerify: true }), "no error");
  assert.equal(await reasonOf({ tlsServerName: "kubernetes" }), "no error");
});

test("time, size and the caller's signal bound a request, also before there is a connection", { skip }, async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const server = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const start = performance.now();
  await asked({ server }, async (by) => {
    await assert.rejects(by.request({ path: "/version", timeoutMs: 50 }), { code: "CLUSTER_UNREACHABLE" });
    await assert.rejects(by.stream({ path: "/version", timeoutMs: 50 }), { code: "CLUSTER_UNREACHABLE" });
    const signal = AbortSignal.timeout(50);
    await assert.rejects(by.request({ path: "/version", signal }), (error) => error === signal.reason);
    await assert.rejects(by.request({ path: "/version", signal }), (error) => error === signal.reason);
  });
  assert.ok(performance.now() - start < 3_000);
  silent.close();
  sockets.forEach((socket) => socket.destroy());
  await assert.rejects(client.request({ path: "/openapi/v2", maxBytes: 10_000 }), { code: "CLUSTER_REFUSED" });
});

test("a hundred and fifty watches at once keep no request waiting", { skip }, async () => {
  const ending = new AbortController();
  const query = { watch: "true", timeoutSeconds: "60" };
  const streams = await Promise.all(
    Array.from({ length: 150 }, () => client.stream({ path: path(), query, signal: ending.signal })),
  );
  const reading = streams.map(async (stream) => {
    for await (const _chunk of stream);
  });
  const start = performance.now();
  await Promise.all(Array.from({ length: 200 }, () => client.version()));
  assert.ok(performance.now() - start < 5_000);
  ending.abort(new BerthError("CANCELLED", "enough"));
  for (const read of reading) await assert.rejects(read, { code: "CANCELLED" });
});

test("through an HTTP proxy", { skip }, async () => {
  const targets: string[] = [];
  const proxy = createHttpServer().on("connect", (request, near) => {
    targets.push(request.url ?? "");
    const { hostname, port } = new URL(`http://${request.url ?? ""}`);
    const far = connect(Number(port), hostname, () => near.write("HTTP/1.1 200 OK\r\n\r\n"));
    far.pipe(near).pipe(far);
    far.on("error", () => near.destroy());
    near.on("error", () => far.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  assert.match(((await asked({ proxyUrl })) as { gitVersion: string }).gitVersion, /^v1/);
  assert.deepEqual(targets, [new URL(connection.server).host]);
  proxy.close();
});

test("a token of a ServiceAccount", { skip }, async () => {
  const path = `/api/v1/namespaces/${place.namespace}/serviceaccounts`;
  await client.request({ method: "POST", path, body: { metadata: { name: "robot" } } });
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `${path}/robot/token`,
    body,
  });
  const robot = { clientCertificate: undefined, clientKey: undefined, token: answer.status.token };
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const who = await asked(robot, (by) => by.request({ method: "POST", path: reviews, body: review }));
  assert.match(JSON.stringify(who), new RegExp(`system:serviceaccount:${place.namespace}:robot`));
});

test("a closed client answers nothing", { skip }, async () => {
  const other = createKubeClient(connection, seams);
  const stream = await other.stream({ path: path(), query: { watch: "true" } });
  const reading = (async () => {
    for await (const _chunk of stream);
  })();
  const closed = assert.rejects(reading, { code: "CLUSTER_UNREACHABLE" });
  await other.close();
  await closed;
  await assert.rejects(other.version(), { code: "CLUSTER_UNREACHABLE" });
});
