import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { httpBindings, toAnswer } from "@berth/contract";
import { BerthApiError, connect, createServiceClient } from "@berth/sdk";
import type { Protocol } from "@berth/sdk";
import { ScalarType, fromJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescMethod, Message } from "@bufbuild/protobuf";

import { BERTH_SERVICES } from "../packages/server/src/edges/shared/services.ts";
import { commandNames } from "../tools/docs/cli-page.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { runCli } from "./support/cli.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

const METHODS = BERTH_SERVICES.flatMap((service) => service.methods);
const BINDINGS = httpBindings(BERTH_SERVICES);

/** The command of each RPC, or why there is none. */
const COMMANDS: Readonly<Record<string, string | { readonly none: string }>> = {
  ListReleases: "list",
  ListOutdatedReleases: "list",
  GetRelease: "get metadata",
  InstallRelease: "install",
  UpgradeRelease: "upgrade",
  RollbackRelease: "rollback",
  UninstallRelease: "uninstall",
  TestRelease: "test",
  UnlockRelease: "unlock",
  GetReleaseHistory: "history",
  PlanInstall: "diff install",
  PlanUpgrade: "diff upgrade",
  RenderRelease: "template",
  CompareReleaseValues: "diff values",
  GetReleaseValues: "get values",
  GetReleaseManifest: "get manifest",
  GetReleaseNotes: "get notes",
  GetReleaseHooks: "get hooks",
  GetReleaseStatus: "status",
  CheckRelease: "check",
  DiffRelease: "diff revision",
  ListOperations: "operations list",
  GetOperation: "operations get",
  WatchOperation: "operations watch",
  CancelOperation: "operations cancel",
  RetryOperation: "operations retry",
  SearchCharts: "search",
  ListChartVersions: "search",
  ShowChart: "show all",
  ListChartSources: "sources list",
  GetChartSource: "sources get",
  RefreshChartSource: "sources refresh",
  DeleteChartSource: "sources delete",
  CreateChartSource: { none: "a ChartSource is an object with a Secret: kubectl apply, as docs/charts.md shows" },
  UpdateChartSource: { none: "as CreateChartSource" },
  CreateExposure: "expose service",
  ExposeRelease: "expose release",
  ReservePort: "expose reserve",
  CancelReservation: "expose unreserve",
  GetExposure: "exposures get",
  ListExposures: "exposures list",
  WatchExposures: "exposures list",
  DeleteExposure: "exposures delete",
  ListPools: "pools list",
  WatchPools: "pools list",
  GetPool: "pools get",
  CreatePool: { none: "pools are declared by whoever runs the cluster: kubectl apply of an AddressPool" },
  DeletePool: { none: "as CreatePool" },
  CreateAddress: { none: "as CreatePool" },
  DeleteAddress: { none: "as CreatePool" },
};

test("each RPC has a command, or a reason why not, and each command that is named exists", () => {
  const names = commandNames();
  assert.deepEqual(Object.keys(COMMANDS).sort(), METHODS.map(({ name }) => name).sort());
  for (const [rpc, command] of Object.entries(COMMANDS)) {
    if (typeof command === "string") assert.ok(names.includes(command), `${rpc}: berth ${command}`);
    else assert.notEqual(command.none, "", rpc);
  }
});

/** What an answer said was wrong. */
interface Told {
  readonly code: unknown;
  readonly field: unknown;
  readonly message: unknown;
  readonly hint: unknown;
}

/** The bad requests of an RPC: a field that must not be as it is, and a target that is not there. */
const BAD = ["Not_Valid", "nowhere"] as const;

for (const method of METHODS) {
  for (const word of BAD) {
    test(`${method.parent.name}.${method.name} says the same of ${word} by REST, Connect, gRPC-Web and gRPC`, async () => {
      const binding = BINDINGS.find((one) => one.method === method);
      assert.ok(binding, "it has an HTTP rule");
      const request = fill(method.input, word);
      const rest = await byRest(method, request);
      for (const protocol of ["connect", "grpc-web", "grpc"] as const) {
        assert.deepEqual(await bySdk(method, request, protocol), rest, protocol);
      }
      if (word === "Not_Valid") assert.equal(rest.code, "INVALID_ARGUMENT");
      assert.notEqual(rest.code, "INTERNAL");
      assert.notEqual(rest.code, "ROUTE_NOT_FOUND");
      assert.notEqual(rest.hint, "");
    });
  }
}

type Json = Record<string, unknown>;

/** A request whose fields of the path are a word, and whose other required fields are there. */
function fill(schema: DescMessage, word: string): Json {
  const entries = schema.fields.flatMap((field): [string, unknown][] => {
    const value = valueOf(field, word);
    return value === undefined ? [] : [[field.name, value]];
  });
  return Object.fromEntries(entries);
}

const NAMES = ["cluster", "namespace", "name", "id", "pool", "repository"];

function valueOf(field: DescField, word: string): unknown {
  if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING && NAMES.includes(field.name)) return word;
  // What a message must have, as far as the target is reached at all.
  // What a message has whose names may be anything.
  if (field.name === "page_size" && word === "Not_Valid") return -1;
  if (field.name === "chart" && field.fieldKind === "message") return { url: "http://127.0.0.1:1/none.tgz" };
  if (field.name === "expose" && field.fieldKind === "message") return { service: "nothing", service_port: 80 };
  if (field.name === "ports") return { from: 1, to: 2 };
  if (field.name === "driver") return "DRIVER_NODEPORT";
  if (field.name === "source" && field.fieldKind === "message") return { url: "http://127.0.0.1:1" };
  if (field.name === "url" && field.fieldKind === "scalar") return "http://127.0.0.1:1";
  return undefined;
}

async function byRest(method: DescMethod, request: Json): Promise<Told> {
  const binding = BINDINGS.find((one) => one.method === method);
  assert.ok(binding);
  const rest: Json = { ...request };
  const path = binding.pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return encodeURIComponent(value);
  });
  const body = binding.body === "*" ? rest : rest[binding.body];
  const query = new URLSearchParams();
  if (binding.body === "") for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
  const url = query.size === 0 ? path : `${path}?${query.toString()}`;
  const {
    status,
    headers,
    body: told,
  } = await berth.request<Json>(binding.verb, url, binding.body === "" ? undefined : body);
  if (status < 400) return { code: "OK", field: "", message: "", hint: "it went well" };
  assert.match(headers.get("content-type") ?? "", /problem\+json/);
  return { code: told["code"], field: told["field"] ?? "", message: told["detail"], hint: told["hint"] };
}

async function bySdk(method: DescMethod, request: Json, protocol: Protocol): Promise<Told> {
  try {
    const answer = callOf(method, protocol)(fromJson(method.input, request as never), {
      // A write answers what became of it, as the test's REST does.
      ...{ waitSeconds: 120, signal: AbortSignal.timeout(30_000) },
    });
    if (method.methodKind === "unary") await answer;
    else for await (const _ of answer as AsyncIterable<unknown>) break;
    return { code: "OK", field: "", message: "", hint: "it went well" };
  } catch (error) {
    assert.ok(error instanceof BerthApiError, String(error));
    return { code: error.code, field: error.field, message: error.message, hint: error.hint };
  }
}

function callOf(method: DescMethod, protocol: Protocol): (request: unknown, options?: unknown) => unknown {
  const connection = connect({ url: berth.url, protocol, retry: { attempts: 1 } });
  const client = createServiceClient(connection, method.parent) as unknown as Record<string, never>;
  const call = client[method.localName];
  assert.ok(call, "the SDK has it");
  return call;
}

test("what goes well is the same by REST, Connect, gRPC-Web, gRPC and the command line", async () => {
  const chart = { path: await berth.charts.write("same", { "templates/config.yaml": CONFIG_MAP, "NOTES.txt": "" }) };
  const install = await berth.request<{ id: string }>("POST", berth.releases, {
    name: "same",
    chart,
    values: { value: "x" },
  });
  assert.equal(install.status, 200);
  const { id } = install.body;
  const target = { cluster: "local", namespace: berth.namespace, name: "same" };
  const { name: _, ...namespace } = target;
  const reads: readonly (readonly [string, Json, string, readonly string[]])[] = [
    ["GetRelease", target, `${berth.releases}/same`, ["get", "metadata", "same"]],
    ["ListReleases", namespace, berth.releases, ["list"]],
    ["GetReleaseValues", target, `${berth.releases}/same/values`, ["get", "values", "same"]],
    ["GetReleaseHistory", target, `${berth.releases}/same/history`, ["history", "same"]],
    ["GetReleaseStatus", target, `${berth.releases}/same/status`, ["status", "same"]],
    ["CheckRelease", target, `${berth.releases}/same:check`, ["check", "same"]],
    ["GetOperation", { id }, `/v1/operations/${id}`, ["operations", "get", id]],
  ];
  for (const [name, request, path, args] of reads) {
    const method = METHODS.find((one) => one.name === name);
    assert.ok(method);
    const { body } = await berth.request("GET", path);
    for (const protocol of ["connect", "grpc-web", "grpc"] as const) {
      const answer = (await callOf(method, protocol)(fromJson(method.input, request as never))) as Message;
      assert.deepEqual(toAnswer(method.output, answer), body, `${name} by ${protocol}`);
    }
    const { stdout } = await runCli(berth, [...args, "-n", berth.namespace, "-o", "json"]);
    assert.deepEqual(JSON.parse(stdout), body, `berth ${args.join(" ")}`);
  }
});
