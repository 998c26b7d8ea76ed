import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage } from "@bufbuild/protobuf";

import { commandNames } from "../tools/docs/cli-page.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { METHODS, PROTOCOLS, byCommandLine, byRest, bySdk } from "./support/ways.ts";
import type { Json, Outcome } from "./support/ways.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

/**
 * A command line of each RPC. NAME is the word that stands where a name does; cluster and namespace are that word, too.
 */
const COMMANDS: Readonly<Record<string, string>> = {
  ListReleases: "list",
  WatchReleases: "list --watch",
  ListOutdatedReleases: "list --outdated",
  GetRelease: "get metadata NAME",
  InstallRelease: "install NAME CHART",
  UpgradeRelease: "upgrade NAME CHART",
  RollbackRelease: "rollback NAME",
  UninstallRelease: "uninstall NAME",
  TestRelease: "test NAME",
  UnlockRelease: "unlock NAME",
  GetReleaseHistory: "history NAME",
  PlanInstall: "diff install NAME CHART",
  PlanUpgrade: "diff upgrade NAME CHART",
  RenderRelease: "template NAME CHART",
  CompareReleaseValues: "diff values NAME CHART",
  GetReleaseValues: "get values NAME",
  GetReleaseManifest: "get manifest NAME",
  GetReleaseNotes: "get notes NAME",
  GetReleaseHooks: "get hooks NAME",
  GetReleaseStatus: "status NAME",
  CheckRelease: "check NAME",
  DiffRelease: "diff revision NAME",
  GetReleaseTree: "tree NAME",
  WatchReleaseTree: "tree NAME --watch",
  ListReleaseEvents: "events NAME",
  WatchReleaseEvents: "events NAME --watch",
  StreamPodLogs: "logs NAME NAME",
  ListOperations: "operations list --release LONG",
  GetOperation: "operations get NAME",
  WatchOperation: "operations watch NAME",
  CancelOperation: "operations cancel NAME",
  RetryOperation: "operations retry NAME",
  SearchCharts: "search --repo NAME",
  ListChartVersions: "search --versions CHART",
  ShowChart: "show all CHART",
  ListChartSources: "sources list",
  GetChartSource: "sources get NAME",
  RefreshChartSource: "sources refresh NAME",
  DeleteChartSource: "sources delete NAME",
  CreateChartSource: "sources create NAME URL",
  UpdateChartSource: "sources update NAME --url URL",
  CreateExposure: "expose service nothing --port 80",
  ExposeRelease: "expose release NAME",
  ReservePort: "expose reserve --pool NAME",
  CancelReservation: "expose unreserve NAME",
  GetExposure: "exposures get NAME",
  ListExposures: "exposures list",
  WatchExposures: "exposures list --watch",
  DeleteExposure: "exposures delete NAME",
  ListClusters: "clusters list",
  GetCluster: "clusters get NAME",
  CreateCluster: "clusters create NAME --token-file -",
  UpdateCluster: "clusters update NAME",
  DeleteCluster: "clusters delete NAME",
  BootstrapCluster: "clusters bootstrap NAME --token-file -",
  ListPools: "pools list",
  WatchPools: "pools list --watch",
  GetPool: "pools get NAME",
  CreatePool: "pools create NAME --driver nodeport --ports 1-2",
  DeletePool: "pools delete NAME",
  CreateAddress: "addresses create NAME --pool NAME",
  DeleteAddress: "addresses delete NAME --pool NAME",
};

test("each RPC has a command", () => {
  const names = commandNames();
  assert.deepEqual(Object.keys(COMMANDS).sort(), METHODS.map(({ name }) => name).sort());
  for (const [rpc, line] of Object.entries(COMMANDS)) {
    assert.ok(
      names.some((name) => line === name || line.startsWith(`${name} `)),
      `${rpc}: berth ${line}`,
    );
  }
});

/** The bad requests of an RPC: a field that must not be as it is, and a target that is not there. */
const BAD = ["Not_Valid", "nowhere"] as const;

for (const method of METHODS) {
  for (const word of BAD) {
    test(`${method.parent.name}.${method.name} says the same of ${word} by REST, Connect, gRPC-Web, gRPC and the command line`, async () => {
      const request = fill(method.input, word);
      const rest = await byRest(berth, method, request);
      for (const protocol of PROTOCOLS) {
        assert.deepEqual(withoutAnswer(await bySdk(berth, method, request, protocol)), withoutAnswer(rest), protocol);
      }
      const words = { NAME: word, CHART: CHART_URL, URL: SOURCE_URL, LONG: "x".repeat(60) };
      const line = (COMMANDS[method.name] ?? "").split(" ").map((one) => words[one as keyof typeof words] ?? one);
      const told = await byCommandLine(berth, [...line, "--cluster", word, "-n", word]);
      assert.deepEqual(withoutAnswer(told), withoutAnswer(rest), "the command line");
      if (word === "Not_Valid" && method.input.fields.length > 0)
        assert.equal("error" in rest && rest.error.code, "INVALID_ARGUMENT");
      if ("answer" in rest) return;
      assert.notEqual(rest.error.code, "INTERNAL");
      assert.notEqual(rest.error.code, "ROUTE_NOT_FOUND");
      assert.notEqual(rest.error.hint, "");
    });
  }
}

/** What is compared here is what is said to be wrong; test/parity-answers.test.ts compares answers. */
function withoutAnswer(outcome: Outcome): Outcome {
  return "answer" in outcome ? { answer: {} } : outcome;
}

const CHART_URL = "http://127.0.0.1:1/none.tgz";
const SOURCE_URL = "http://127.0.0.1:1";

/** A request whose fields of the path are a word, and whose other required fields are there. */
function fill(schema: DescMessage, word: string): Json {
  const entries = schema.fields.flatMap((field): [string, unknown][] => {
    const value = valueOf(field, word);
    return value === undefined ? [] : [[field.name, value]];
  });
  return Object.fromEntries(entries);
}

const NAMES = ["cluster", "namespace", "name", "id", "pool", "repository", "pod"];

function valueOf(field: DescField, word: string): unknown {
  if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING && NAMES.includes(field.name)) return word;
  // What a message must have, as far as the target is reached at all; and of one whose names may be anything,
  // what may not.
  if (field.name === "release" && field.number === 3) return "x".repeat(60);
  if (field.name === "chart" && field.fieldKind === "message") return { url: CHART_URL };
  if (field.name === "expose" && field.fieldKind === "message") return { service: "nothing", service_port: 80 };
  if (field.name === "credentials" && field.message?.name === "ClusterCredentials") return { token: "x" };
  if (field.name === "ports") return { from: 1, to: 2 };
  if (field.name === "driver") return "DRIVER_NODEPORT";
  if (field.name === "source" && field.fieldKind === "message") return { url: SOURCE_URL };
  if (field.name === "url" && field.fieldKind === "scalar") return SOURCE_URL;
  return undefined;
}
