import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE } from "./support/charts.ts";
import { callCli } from "./support/cli.ts";
import type { CliOptions } from "./support/cli.ts";
import { eventually } from "./support/exposures.ts";
import { startRepository } from "./support/index-repository.ts";

let berth: TestBerth;
let chart: string;
/** Pools and addresses are of the whole cluster: those of this run alone. */
let pool: string;
const ip = `10.${String(randomInt(256))}.${String(randomInt(256))}.77`;

before(async () => {
  berth = await startTestBerth();
  chart = await berth.charts.write("nouns", { "templates/svc.yaml": SERVICE, "templates/config.yaml": CONFIG_MAP });
  pool = `nouns-${berth.namespace}`;
});
after(() => berth[Symbol.asyncDispose]());

async function cli(args: readonly string[], options: CliOptions = {}) {
  return callCli(berth, [...args, "-n", berth.namespace], options);
}

async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Fails as told, and changes nothing. */
async function refused(code: number, told: RegExp, ...args: readonly string[]): Promise<void> {
  const run = await cli(args);
  assert.deepEqual([run.code, told.test(run.stderr)], [code, true], `berth ${args.join(" ")}: ${run.stderr}`);
}

test("pools and addresses are made, seen and deleted, and an install exposes ports on them", async () => {
  const made = [
    "pools",
    "create",
    pool,
    "--driver",
    "configmap",
    "--ports",
    "31100-31120",
    "--rest",
    "0s",
    "--simulated",
  ];
  assert.match(
    await ok(...made, "--allow", berth.namespace, "--dry-run"),
    new RegExp(`\\n${pool} +configmap +31100-31120 `),
  );
  await refused(3, /\(POOL_NOT_FOUND\)/, "pools", "get", pool);
  await ok(...made, "--allow", berth.namespace, "--allow-selector", "team=iot,tier=a", "--reserved", "3");
  const paths = "{.namespaces[0]} {.namespace_labels.team} {.namespace_labels.tier} {.reserved} {.rest_seconds}";
  assert.equal(await ok("pools", "get", pool, "-o", `jsonpath=${paths}`), `${berth.namespace} iot a 3 0`);
  await refused(2, /It is no range/, "pools", "create", "x", "--driver", "nodeport", "--ports", "1");

  const maps = [
    "--tcp-services-configmap",
    `${berth.namespace}/tcp`,
    "--udp-services-configmap",
    `${berth.namespace}/udp`,
  ];
  const place = ["--pool", pool, "--address", ip, ...maps];
  assert.match(await ok("addresses", "create", `${pool}-a`, ...place, "--capacity", "5"), /10\.\d+\.\d+\.77/);
  const stored = JSON.parse(await ok("addresses", "list", "--pool", pool, "-o", "json")) as {
    addresses: { capacity: number; configmap: object }[];
  };
  const configmap = { namespace: berth.namespace, tcp: "tcp", udp: "udp", service: "" };
  assert.deepEqual([stored.addresses[0]?.capacity, stored.addresses[0]?.configmap], [5, configmap]);
  await refused(2, /in two namespaces/, "addresses", "create", "b", "--pool", pool, ...maps.slice(0, 3), "other/udp");
  await refused(2, /There is no --tcp-services/, "addresses", "create", "b", "--pool", pool, ...maps.slice(2));

  const exposed = await ok(
    ...[
      "install",
      "web",
      chart,
      "--expose",
      `web-svc:80,pool=${pool},external-port=31110,name=named,delete-with-release`,
    ],
    ...["--expose", `web-svc:53/udp,pool=${pool}`],
  );
  assert.match(exposed, /^EXPOSED: web-svc at 10\.\d+\.\d+\.77:31110$/m);
  assert.equal([...exposed.matchAll(/^EXPOSED: web-svc at 10\.\d+\.\d+\.77:311\d\d$/gm)].length, 2);
  const named = JSON.parse(await ok("exposures", "get", "named", "-o", "json")) as Record<string, unknown>;
  assert.deepEqual([named["port"], named["release"], named["delete_with_release"]], [31_110, "web", true]);
  assert.match(await ok("exposures", "list", "--release", "web"), / 53 +udp /);
  await refused(4, /ADDRESS|POOL|EXPOS/, "addresses", "delete", `${pool}-a`, "--pool", pool);
  await refused(2, /names no port of a Service/, "install", "x", chart, "--expose", "web");
  await refused(2, /knows no "colour"/, "install", "x", chart, "--expose", "web:80,colour=red");
  await refused(2, /unknown option '--expose'/, "upgrade", "web", chart, "--expose", "web:80");

  await ok("uninstall", "web");
  await eventually("the exposure goes with its release", async () =>
    (await cli(["exposures", "get", "named"])).code === 3 ? true : undefined,
  );
  await ok("exposures", "delete", "web-svc-53");
  await eventually("the ports are free", async () =>
    (await cli(["addresses", "delete", `${pool}-a`, "--pool", pool])).code === 0 ? true : undefined,
  );
  assert.equal(await ok("pools", "delete", pool), `pool "${pool}" deleted\n`);
});

test("chart sources are made, changed and deleted, and their secrets come from files or standard input alone", async () => {
  const folder = await mkdtemp(join(berth.charts.path, "repository-"));
  await berth.helm("package", chart, "-d", folder);
  await using repository = await startRepository(folder, { username: "reader", password: "a secret" });
  await berth.helm("repo", "index", folder, "--url", repository.url);
  const login = ["--username", "reader", "--password-stdin"];
  const created = await cli(["sources", "create", "own", repository.url, ...login], { stdin: "a secret\n" });
  assert.deepEqual([created.code, created.stdout.includes("a secret")], [0, false], created.stderr);
  assert.match(await ok("sources", "refresh", "own"), /own +\S+ +\S+ +ready /);
  assert.match(await ok("search", "nouns", "--source", "own"), /nouns +1\.0\.0/);
  await ok("install", "sourced", "own/nouns");

  await refused(2, /would be shown to somebody else/, "sources", "update", "own", "--pass-credentials");
  const shown = "{.refresh_interval} {.suspend} {.pass_credentials} {.url}";
  await ok("sources", "add", "bare", repository.url, "--suspend", "--refresh-interval", "2h");
  await ok("sources", "update", "bare", "--refresh-interval", "1h", "--pass-credentials");
  assert.equal(await ok("sources", "get", "bare", "-o", `jsonpath=${shown}`), `3600s true true ${repository.url}`);
  await ok("sources", "update", "bare", "--no-suspend", "--no-pass-credentials");
  assert.equal(await ok("sources", "get", "bare", "-o", `jsonpath=${shown}`), `3600s false false ${repository.url}`);
  await ok("sources", "update", "bare", "--suspend", "--dry-run");
  assert.equal(await ok("sources", "get", "bare", "-o", "jsonpath={.suspend}"), "false");
  const file = join(folder, "wrong.txt");
  await writeFile(file, "wrong\n");
  await ok("sources", "update", "own", "--username", "reader", "--password-file", file);
  const failed = await cli(["sources", "refresh", "own"]);
  assert.match(`${failed.stdout}${failed.stderr}`, /failed|401|CHART_FETCH_FAILED/);
  await ok("sources", "update", "own", "--clear-credentials", "--url", "https://charts.example.com");
  assert.equal(await ok("sources", "get", "own", "-o", "jsonpath={.secret_name}{.url}"), "https://charts.example.com");
  await refused(
    2,
    /one secret, not two/,
    "sources",
    "create",
    "x",
    "https://x.example.com",
    ...login,
    "--bearer-token-stdin",
  );
  await refused(3, /\(CHART_SOURCE_NOT_FOUND\)/, "sources", "update", "none", "--suspend");
  assert.equal(await ok("sources", "delete", "own", "--dry-run"), 'source "own" deleted\n');
  assert.match(await ok("sources", "list"), /\nown /);
  await ok("sources", "delete", "own");
  await ok("sources", "delete", "bare");
  assert.equal(await ok("sources", "list", "-o", "jsonpath={.total_size}"), "0");
});

test("operations are listed by what they are, and repeated", async () => {
  await ok("install", "op2", chart, "--idempotency-key", "once");
  await ok("install", "op2", chart, "--idempotency-key", "once");
  await ok("upgrade", "op2", chart);
  const ids = async (...args: string[]) => {
    const told = await ok("operations", "list", ...args, "-o", 'jsonpath={range .operations[*]}{.verb}{"\\n"}{end}');
    return told.trim().split("\n");
  };
  assert.deepEqual(await ids("--release", "op2"), ["VERB_UPGRADE", "VERB_INSTALL"]);
  assert.deepEqual(await ids("--release", "op2", "--verb", "install"), ["VERB_INSTALL"]);
  assert.deepEqual(await ids("--release", "op2", "--by", "nobody"), [""]);
  assert.deepEqual(await ids("--release", "op2", "--by", "loopback", "-m", "1"), ["VERB_UPGRADE"]);
  const detached = (await ok("upgrade", "op2", chart, "--detach")).match(/op-\S+/)?.[0] ?? "";
  assert.match(await ok("operations", "watch", detached), /REVISION: 3\n/);
  await refused(4, /\(/, "operations", "retry", detached);
});
