import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { errorDetails, health, releaseService } from "@berth/contract";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { fromBinary } from "@bufbuild/protobuf";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";

/** A reflection answer, as a client without our generated code sees it. */
interface Reflected {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
  readonly error_response?: { readonly error_code: number };
}

let berth: TestBerth;
let address: string;
before(async () => {
  berth = await startTestBerth();
  address = new URL(berth.url).host;
});
after(() => berth[Symbol.asyncDispose]());

/** The reflection service's own descriptor is all such a client brings along. */
const REFLECTION = `${import.meta.dirname}/../proto/third_party/grpc/reflection/`;

async function reflect(version: string, requests: readonly object[]): Promise<Reflected[]> {
  const { load } = await import("@grpc/proto-loader");
  const definition = await load(`${REFLECTION}${version}/reflection.proto`, { keepCase: true });
  const root = grpc.loadPackageDefinition(definition);
  const Client = path(root, `grpc.reflection.${version}.ServerReflection`);
  const client = new Client(address, grpc.credentials.createInsecure());
  const call = client.ServerReflectionInfo?.() as grpc.ClientDuplexStream<object, Reflected>;
  const answers: Reflected[] = [];
  for (const request of requests) call.write(request);
  call.end();
  for await (const answer of call) answers.push(answer as Reflected);
  client.close();
  return answers;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;
interface ClientClass {
  new (address: string, credentials: grpc.ChannelCredentials): grpc.Client & Methods;
  readonly service: grpc.ServiceDefinition;
}

function path(root: object, name: string): ClientClass {
  return name.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], root) as ClientClass;
}

for (const version of ["v1", "v1alpha"]) {
  test(`reflection ${version} tells the services and all their files`, async () => {
    const [list, byName, bySymbol, unknown] = await reflect(version, [
      { list_services: "" },
      { file_by_filename: "berth/v1/release_service.proto" },
      { file_containing_symbol: "berth.v1.ReleaseService.InstallRelease" },
      { file_containing_symbol: "berth.v1.Nothing" },
    ]);
    const names = list?.list_services_response?.service.map(({ name }) => name) ?? [];
    for (const name of ["berth.v1.ReleaseService", "appscode.swift.v2.ReleaseService", "grpc.health.v1.Health"]) {
      assert.ok(names.includes(name), name);
    }
    const files = (answer?: Reflected) =>
      (answer?.file_descriptor_response?.file_descriptor_proto ?? []).map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      );
    assert.ok(files(byName).includes("google/api/annotations.proto"));
    assert.deepEqual(files(byName), files(bySymbol));
    assert.equal(unknown?.error_response?.error_code, grpc.status.NOT_FOUND);
  });
}

test("a grpc-js client that knows nothing but reflection installs and reads a release", async () => {
  const [answer] = await reflect("v1", [{ file_containing_symbol: "berth.v1.ReleaseService" }]);
  const Client = path(grpc.loadPackageDefinition(definitionOf(answer)), "berth.v1.ReleaseService");
  const client = new Client(address, grpc.credentials.createInsecure());
  const call = <T>(method: string, request: object, metadata = new grpc.Metadata()) =>
    new Promise<T>((resolve, reject) => {
      client[method]?.(request, metadata, (error: Error | null, value: T) => {
        if (error === null) resolve(value);
        else reject(error);
      });
    });
  const chart = { path: await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) };
  const target = { cluster: "local", namespace: berth.namespace, name: "by-js" };
  const metadata = new grpc.Metadata();
  metadata.set("prefer", "wait=60");
  await call("InstallRelease", { ...target, chart }, metadata);
  const release = await call<{ status: string; revision: number }>("GetRelease", target);
  assert.deepEqual([release.status, release.revision], ["deployed", 1]);
  await assert.rejects(call("GetRelease", { ...target, name: "none" }), { code: grpc.status.NOT_FOUND });
  client.close();
});

test("a grpc-js client reaches every RPC, server streams included, and reads why it is refused", async () => {
  const [list] = await reflect("v1", [{ list_services: "" }]);
  const names = (list?.list_services_response?.service ?? []).map(({ name }) => name);
  const services = names.filter((name) => !name.startsWith("grpc.reflection."));
  const answers = await reflect(
    "v1",
    services.map((name) => ({ file_containing_symbol: name })),
  );
  const refused: string[] = [];
  for (const [at, name] of services.entries()) {
    const Client = path(grpc.loadPackageDefinition(definitionOf(answers[at])), name);
    const client = new Client(address, grpc.credentials.createInsecure());
    for (const [method, { responseStream }] of Object.entries(Client.service)) {
      // A request in which nothing stands; of a stream one that has its cluster.
      const { code, details } = responseStream ? await first(client, method) : await ask(client, method);
      const isGood = code === grpc.status.OK || code === grpc.status.INVALID_ARGUMENT || code === grpc.status.NOT_FOUND;
      assert.ok(isGood, `${name}/${method}: ${String(code)}`);
      if (name.startsWith("berth.") && code !== grpc.status.OK) {
        assert.ok(details > 0, `${name}/${method} says why in its details`);
        refused.push(method);
      }
    }
    client.close();
  }
  for (const method of ["InstallRelease", "WatchOperation"]) assert.ok(refused.includes(method), method);
});

interface Ending {
  readonly code: grpc.status;
  /** Bytes of the error's details. */
  readonly details: number;
}

function endingOf(error: grpc.ServiceError | null): Ending {
  const [details = ""] = error?.metadata.get("grpc-status-details-bin") ?? [];
  return { code: error?.code ?? grpc.status.OK, details: details.length };
}

function ask(client: Methods, method: string): Promise<Ending> {
  return new Promise((resolve) => {
    client[method]?.({}, (error: grpc.ServiceError | null) => resolve(endingOf(error)));
  });
}

/** The first message of a stream, or why there is none. */
function first(client: Methods, method: string): Promise<Ending> {
  return new Promise((resolve) => {
    const stream = client[method]?.({ cluster: "local" }) as grpc.ClientReadableStream<object>;
    stream.on("error", (error) => resolve(endingOf(error as grpc.ServiceError)));
    stream.once("data", () => {
      resolve(endingOf(null));
      stream.cancel();
    });
  });
}

function definitionOf(answer: Reflected | undefined): Parameters<typeof grpc.loadPackageDefinition>[0] {
  const files = answer?.file_descriptor_response?.file_descriptor_proto ?? [];
  const file = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  const set = Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file })));
  return loadFileDescriptorSetFromBuffer(set, { keepCase: true });
}

test("an error carries code, field, hint and request id in its details", async () => {
  const client = createClient(releaseService.ReleaseService, createGrpcTransport({ baseUrl: berth.url }));
  const target = { cluster: "local", namespace: berth.namespace, name: "Bad_Name" };
  const headers = { "x-request-id": "my-request" };
  const error = await client.getRelease(target, { headers }).catch((caught: unknown) => caught);
  assert.ok(error instanceof ConnectError);
  const rest = await berth.request<{ code: string; hint: string; field: string; detail: string }>(
    "GET",
    `${berth.releases}/Bad_Name`,
  );
  const [info] = error.findDetails(errorDetails.ErrorInfoSchema);
  assert.deepEqual([info?.reason, info?.domain, info?.metadata.hint], [rest.body.code, "berth.dev", rest.body.hint]);
  const [bad] = error.findDetails(errorDetails.BadRequestSchema);
  assert.deepEqual(
    bad?.fieldViolations.map(({ field, description }) => [field, description]),
    [[rest.body.field, rest.body.detail]],
  );
  assert.equal(error.findDetails(errorDetails.RequestInfoSchema)[0]?.requestId, "my-request");
});

test("gRPC health serves while it can work, and tells who watches of the end", async () => {
  await using own = await startTestBerth();
  const client = createClient(health.Health, createGrpcTransport({ baseUrl: own.url }));
  const { SERVING, NOT_SERVING } = health.HealthCheckResponse_ServingStatus;
  assert.equal((await client.check({})).status, SERVING);
  assert.equal((await client.check({ service: "berth.v1.ReleaseService" })).status, SERVING);
  await assert.rejects(client.check({ service: "none" }), /no service/);
  const seen: number[] = [];
  const watching = (async () => {
    for await (const { status } of client.watch({})) {
      seen.push(status);
      if (seen.length === 1) void own.stop();
    }
  })();
  await watching;
  assert.deepEqual(seen, [SERVING, NOT_SERVING]);
});
