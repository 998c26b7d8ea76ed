import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE, hookJob } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";
import { METHODS, PROTOCOLS, byCommandLine, byRest, bySdk, methodOf } from "./support/ways.ts";
import type { Json, Outcome } from "./support/ways.ts";

let berth: TestBerth;
let repository: TestRepository;
let url: string;
/** Pools are of the whole cluster: names of this run alone. */
let run: string;
/** A file with a token, for the command line. */
let token: string;

before(async () => {
  berth = await startTestBerth();
  run = berth.namespace.slice(0, 8);
  const chart = await berth.charts.write("same", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/svc.yaml": SERVICE,
    "templates/test.yaml": hookJob("t", "test", false),
    "templates/NOTES.txt": "Hello.",
    "values.yaml": "value: default\n",
  });
  const folder = await mkdtemp(join(berth.charts.path, "repository-"));
  await berth.helm("package", chart, "-d", folder);
  repository = await startRepository(folder);
  await berth.helm("repo", "index", folder, "--url", repository.url);
  url = `${repository.url}/same-1.0.0.tgz`;
  token = join(folder, "token");
  await writeFile(token, "x\n");
});
after(async () => {
  await repository[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
});

/** An RPC with a request of it, and the command line that asks the same. */
type Step = readonly [rpc: string, request: Json, line: string];

const seen = new Set<string>();

type Way = (step: Step) => Promise<Outcome>;

/** All ways in, by their names. */
function ways(): Readonly<Record<string, Way>> {
  const here = ["-n", berth.namespace];
  return {
    curl: ([rpc, request]) => byRest(berth, methodOf(rpc), request),
    ...Object.fromEntries(
      PROTOCOLS.map((protocol): [string, Way] => [
        protocol,
        ([rpc, request]) => bySdk(berth, methodOf(rpc), request, protocol),
      ]),
    ),
    cli: ([, , line]) => byCommandLine(berth, [...line.split(" "), ...here]),
  };
}

test("what is read is the same by REST, Connect, gRPC-Web, gRPC and the command line", async () => {
  const { namespace } = berth;
  const here = { cluster: "local", namespace };
  const it = { ...here, name: "read" };
  const chart = { url };
  const pool = `${run}-read`;
  const installed = await ways()["cli"]?.(["", {}, `install read ${url} --set value=x`]);
  assert.ok(installed !== undefined && "answer" in installed);
  const { id } = installed.answer as { id: string };
  await ways()["cli"]?.(["", {}, `upgrade read ${url} --set value=y`]);
  await ways()["cli"]?.(["", {}, `sources create own ${repository.url} --suspend`]);
  await ways()["cli"]?.([
    "",
    {},
    `pools create ${pool} --driver configmap --ports 31200-31210 --simulated --allow-all`,
  ]);
  const steps: readonly Step[] = [
    ["ListReleases", { ...here, page_size: 500 }, "list"],
    ["ListOutdatedReleases", here, "list --outdated"],
    ["GetRelease", it, "get metadata read"],
    ["GetReleaseHistory", it, "history read"],
    ["GetReleaseValues", { ...it, revision: 1, computed: true }, "get values read --revision 1 --all"],
    ["GetReleaseManifest", it, "get manifest read"],
    ["GetReleaseNotes", it, "get notes read"],
    ["GetReleaseHooks", it, "get hooks read"],
    ["GetReleaseStatus", it, "status read"],
    ["GetReleaseTree", it, "tree read"],
    ["ListReleaseEvents", it, "events read"],
    ["CheckRelease", it, "check read"],
    ["DiffRelease", { ...it, from: 1, to: 2 }, "diff revision read 1 2"],
    ["CompareReleaseValues", { ...it, chart }, `diff values read ${url}`],
    ["PlanUpgrade", { ...it, chart, set: ["value=z"] }, `diff upgrade read ${url} --set value=z`],
    ["PlanInstall", { ...here, name: "new", chart }, `diff install new ${url}`],
    ["RenderRelease", { ...here, name: "new", chart }, `template new ${url}`],
    ["GetOperation", { id }, `operations get ${id}`],
    ["ListOperations", { ...here, release: "read", page_size: 500 }, "operations list --release read"],
    ["CancelOperation", { id }, `operations cancel ${id}`],
    ["ShowChart", { namespace, chart }, `show chart ${url}`],
    ["SearchCharts", { namespace, repository: repository.url, query: "same" }, `search same --repo ${repository.url}`],
    [
      "ListChartVersions",
      { namespace, chart: { name: "same", repository: repository.url } },
      `search --versions same --repo ${repository.url}`,
    ],
    ["ListChartSources", { namespace }, "sources list"],
    ["GetChartSource", { namespace, name: "own" }, "sources get own"],
    ["RefreshChartSource", { namespace, name: "own" }, "sources refresh own"],
    ["GetPool", { cluster: "local", name: pool }, `pools get ${pool}`],
    ["ListExposures", here, "exposures list"],
    ["ListClusters", {}, "clusters list"],
    ["GetCluster", { name: "local" }, "clusters get local"],
  ];
  for (const step of steps) {
    const answers = new Map<string, Outcome>();
    for (const [name, way] of Object.entries(ways())) answers.set(name, plain(await way(step), []));
    seen.add(step[0]);
    for (const [name, answer] of answers) assert.deepEqual(answer, answers.get("curl"), `${step[0]} by ${name}`);
    assert.ok("answer" in (answers.get("curl") ?? {}), JSON.stringify(answers.get("curl")));
  }
  await ways()["cli"]?.(["", {}, `pools delete ${pool}`]);
});

test("what is written is the same by REST, Connect, gRPC-Web, gRPC and the command line", async () => {
  const answers = new Map<string, readonly Outcome[]>();
  let number = 0;
  for (const [name, way] of Object.entries(ways())) {
    const outcomes: Outcome[] = [];
    const word = `${run}-w${String(number)}`;
    for (const step of writes(word, 31_300 + 10 * number++)) {
      outcomes.push(plain(await insist(way, step), [word]));
      seen.add(step[0]);
    }
    answers.set(name, outcomes);
  }
  const steps = writes("x", 0);
  for (const [name, outcomes] of answers) {
    for (const [i, outcome] of outcomes.entries()) {
      assert.deepEqual(outcome, answers.get("curl")?.[i], `${steps[i]?.[0] ?? ""} by ${name}`);
    }
  }
});

/** A life of everything that can be written, under a name. */
function writes(name: string, port: number): readonly Step[] {
  const { namespace } = berth;
  const here = { cluster: "local", namespace };
  const it = { ...here, name };
  const chart = { url };
  const pool = { cluster: "local", name };
  const ports = { from: port, to: port + 9 };
  const driver = "DRIVER_CONFIGMAP";
  const configmap = { namespace, tcp: `tcp-${name}` };
  const place = `--pool ${name} --address ${name}.example.com --tcp-services-configmap ${namespace}/tcp-${name}`;
  const made = `--driver configmap --ports ${String(port)}-${String(port + 9)} --rest 0 --simulated --allow-all`;
  return [
    [
      "CreatePool",
      { ...pool, driver, ports, rest_seconds: 0, simulated: true, all_namespaces: true },
      `pools create ${name} ${made}`,
    ],
    [
      "CreateAddress",
      { ...pool, pool: name, address: `${name}.example.com`, configmap },
      `addresses create ${name} ${place}`,
    ],
    [
      "CreateChartSource",
      { namespace, name, url: repository.url, suspend: true },
      `sources create ${name} ${repository.url} --suspend`,
    ],
    [
      "UpdateChartSource",
      { namespace, name, url: repository.url, suspend: true, refresh_interval: "3600s" },
      `sources update ${name} --refresh-interval 1h`,
    ],
    ["DeleteChartSource", { namespace, name }, `sources delete ${name}`],
    [
      "InstallRelease",
      { ...it, chart, set: ["value=1"], labels: { team: "a" } },
      `install ${name} ${url} --set value=1 -l team=a`,
    ],
    ["InstallRelease", { ...it, chart }, `install ${name} ${url}`],
    ["UpgradeRelease", { ...it, chart, values_reuse: "VALUES_REUSE_REUSE" }, `upgrade ${name} ${url} --reuse-values`],
    ["RollbackRelease", { ...it, revision: 1 }, `rollback ${name} 1`],
    ["TestRelease", it, `test ${name}`],
    ["UnlockRelease", it, `unlock ${name}`],
    ["RetryOperation", { id: "op-none" }, "operations retry op-none"],
    [
      "CreateExposure",
      { ...here, expose: { service: `${name}-svc`, service_port: 80, pool: name, name } },
      `expose service ${name}-svc --port 80 --pool ${name} --name ${name}`,
    ],
    ["GetExposure", it, `exposures get ${name}`],
    ["ExposeRelease", { ...it, pool: name }, `expose release ${name} --pool ${name}`],
    ["DeleteExposure", it, `exposures delete ${name}`],
    ["ReservePort", { ...here, pool: name }, `expose reserve --pool ${name}`],
    ["CancelReservation", { ...here, id: "none" }, "expose unreserve none"],
    ["WatchReleaseTree", it, `tree ${name} --watch`],
    ["StreamPodLogs", { ...it, pod: "none" }, `logs ${name} none`],
    ["UninstallRelease", it, `uninstall ${name}`],
    // There are none that a command line would show before it is ended.
    ["WatchReleaseEvents", it, `events ${name} --watch`],
    ["DeleteAddress", { ...pool, pool: name, name: "none" }, `addresses delete none --pool ${name}`],
    ["DeletePool", { ...pool, name: "none" }, "pools delete none"],
    ["WatchExposures", here, "exposures list --watch"],
    ["WatchReleases", here, "list --watch"],
    ["WatchOperation", { id: "op-none" }, "operations watch op-none"],
    [
      "CreateCluster",
      { name, server: "https://127.0.0.1:1", credentials: { token: "x" }, validate_only: true },
      `clusters create ${name} --api-server https://127.0.0.1:1 --token-file ${token} --dry-run`,
    ],
    [
      "BootstrapCluster",
      { name, server: "https://127.0.0.1:1", credentials: { token: "x" }, validate_only: true },
      `clusters bootstrap ${name} --api-server https://127.0.0.1:1 --token-file ${token}`,
    ],
    ["UpdateCluster", { name: "none", context: "x" }, "clusters update none --kube-context x"],
    ["DeleteCluster", { name: "none" }, "clusters delete none"],
    ["WatchPools", { cluster: "local" }, "pools list --watch"],
    ["ListPools", { cluster: "none" }, "pools list --cluster none"],
  ];
}

/** What waits for a cache or a controller is asked again for some seconds. */
async function insist(way: Way, step: Step): Promise<Outcome> {
  const passing = ["POOL_NOT_FOUND", "ADDRESS_NOT_FOUND", "POOL_EXHAUSTED", "CHART_SOURCE_CHANGED", "PORT_TAKEN"];
  const isRefusal = /^(Delete(Address|Pool)|ListPools)$/.test(step[0]);
  return eventually(step[0], async () => {
    const outcome = await way(step);
    return !isRefusal && "error" in outcome && passing.includes(String(outcome.error.code)) ? undefined : outcome;
  });
}

test("no RPC is left out", () => {
  assert.deepEqual(
    METHODS.map(({ name }) => name).filter((name) => !seen.has(name)),
    [],
  );
});

/** Fields that are another each time. */
const VOLATILE = new Set([
  ...[
    "id",
    "request_id",
    "operation_id",
    "operation",
    "resource_version",
    "replica",
    "last_event",
    "token",
    "expire_time",
  ],
  ...["create_time", "start_time", "end_time", "first_deployed", "last_deployed", "last_started", "last_completed"],
  ...["port", "endpoint", "ports", "encoded_size", "secret_name"],
  // Of the whole cluster, where other tests write.
  "pending_summaries",
]);

/** An outcome without what is another each time, and names as one word. */
function plain(outcome: Outcome, names: readonly string[]): Outcome {
  const text = names.reduce((all, name) => all.replaceAll(name, "NAME"), JSON.stringify(outcome));
  return JSON.parse(text.replaceAll(/\bport \d+/g, "port"), (key, value: unknown) => {
    // A source's status is its controller's, which comes when it comes.
    const isVolatile = VOLATILE.has(key) || (key === "status" && typeof value === "object");
    // Other tests make clusters known meanwhile.
    if (key === "clusters") return (value as { home: boolean }[]).filter(({ home }) => home);
    return isVolatile ? typeof value : value;
  }) as Outcome;
}
