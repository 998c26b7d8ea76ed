import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE, hookJob } from "./support/charts.ts";
import { runCli } from "./support/cli.ts";
import type { CliOptions } from "./support/cli.ts";
import { startRepository } from "./support/index-repository.ts";

let berth: TestBerth;
let chart: string;

before(async () => {
  berth = await startTestBerth();
  chart = await berth.charts.write("plain", {
    "templates/config.yaml": CONFIG_MAP,
    "values.yaml": "value: default\n",
    "README.md": "# Plain\n",
    ".helmignore": "secret/\n*.bak\n",
    "secret/key.txt": "not for others",
    "old.bak": "nor this",
  });
});
after(() => berth[Symbol.asyncDispose]());

/** Runs a command in the test's namespace. */
function cli(args: readonly string[], options: CliOptions = {}) {
  return runCli(berth, [...args, "-n", berth.namespace], options);
}

/** Runs a command that has to end well, and gives what it printed. */
async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function valueOf(release: string): Promise<string | undefined> {
  const path = `api/v1/namespaces/{ns}/configmaps/${release}-config`;
  return (await berth.object<{ data: { value: string } }>(path))?.data.value;
}

test("a release is installed, upgraded, compared, rolled back and uninstalled, and helm sees the same", async () => {
  assert.match(
    await ok("install", "web", chart, "--set", "value=one", "-l", "team=a"),
    /STATUS: deployed\nREVISION: 1\n/,
  );
  assert.equal(await valueOf("web"), "one");
  const upgraded = await cli(["upgrade", "web", chart, "-f", "-", "-o", "json"], { stdin: "value: two\n" });
  const operation = JSON.parse(upgraded.stdout) as { state: string; result: { release: { revision: number } } };
  assert.deepEqual([operation.state, operation.result.release.revision], ["OPERATION_STATE_SUCCEEDED", 2]);
  assert.equal(await valueOf("web"), "two");
  assert.equal((await berth.helm("get", "values", "web", "-o", "json")).trim(), '{"value":"two"}');

  const changed = await cli(["diff", "revision", "web", "--exit-code"]);
  assert.deepEqual([changed.code, changed.stdout.includes("-value: one\n+value: two\n")], [8, true]);
  assert.match(
    await ok("diff", "upgrade", "web", chart, "--set", "value=three"),
    /\n\+ {2}value: three\n[^]*plan token: \S+/,
  );
  assert.equal((await cli(["check", "web", "--exit-code"])).code, 0);
  assert.match(await ok("list", "-o", "wide"), /^NAME +NAMESPACE .*\nweb +\S+ +2 +\S+ +deployed +plain-1\.0\.0 /);
  const path = '{range .releases[*]}{.name}={.labels.team}{"\\n"}{end}';
  assert.equal(await ok("list", "-o", `jsonpath=${path}`), "web=a\n");
  assert.equal(await ok("list", "--short", "--filter", "nothing-like-it"), "");
  assert.match(await ok("status", "web"), /READY: true\n\nOBJECT +STATUS +REASON\nConfigMap\/web-config +Current/);
  assert.equal(await ok("get", "values", "web", "--revision", "1"), "value: one\n");
  assert.match(await ok("get", "manifest", "web"), /kind: ConfigMap/);
  assert.match(await ok("get", "all", "web"), /USER-SUPPLIED VALUES:\nvalue: two\n/);

  await ok("rollback", "web", "1");
  assert.equal(await valueOf("web"), "one");
  assert.match(await ok("history", "web"), /\n1 +\S+ +superseded[^]*\n3 +\S+ +deployed .*Rollback to 1\n$/);
  assert.match(await ok("operations", "list", "--release", "web"), /rollback +succeeded[^]*install +succeeded/);
  assert.equal(await ok("uninstall", "web"), 'release "web" uninstalled\n');
  assert.equal(await valueOf("web"), undefined);
});

test("dry runs, templates and charts change nothing", async () => {
  const dry = await ok("install", "dry", chart, "--dry-run", "--set", "value=seen");
  assert.match(dry, /STATUS: dry run, nothing was changed\nMANIFEST:\n[^]*value: "seen"/);
  assert.match(await ok("install", "--dry-run=server", "dry", chart), /dry run/);
  assert.match(await ok("template", chart, "--set-string", "value=1"), /name: release-name-config[^]*value: "1"/);
  assert.equal(await valueOf("dry"), undefined);
  assert.match(await ok("show", "chart", chart), /^name: plain\n/);
  assert.equal(await ok("show", "values", chart), "value: default\n");
  const files = await ok("show", "files", chart);
  assert.ok(files.includes("README.md") && !files.includes("key.txt") && !files.includes("old.bak"), files);
});

test("a plan's token does what was planned, or nothing", async () => {
  await ok("install", "planned", chart);
  const token = await ok("diff", "upgrade", "planned", chart, "--set", "value=new", "-o", "jsonpath={.token}");
  const other = await cli(["upgrade", "planned", chart, "--set", "value=other", "--plan-token", token]);
  assert.deepEqual([other.code, /\(PLAN_STALE\)/.test(other.stderr)], [4, true]);
  await ok("upgrade", "planned", chart, "--set", "value=new", "--plan-token", token);
  assert.equal(await valueOf("planned"), "new");
});

test("charts of a repository are found, shown, pulled and installed; its password comes by standard input", async () => {
  const folder = await mkdtemp(join(berth.charts.path, "repository-"));
  for (const version of ["1.0.0", "1.1.0"]) {
    const made = await berth.charts.write("repo-web", { "templates/config.yaml": CONFIG_MAP }, `version: ${version}`);
    await berth.helm("package", made, "-d", folder);
  }
  await using repository = await startRepository(folder, { username: "reader", password: "a secret" });
  await berth.helm("repo", "index", folder, "--url", repository.url);
  const from = ["--repo", repository.url, "--username", "reader", "--password-stdin"];
  const asked = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await cli([...args, ...from], { stdin: "a secret\n" });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(await asked("search", "repo", "web"), /^NAME +CHART VERSION[^]*\nrepo-web +1\.1\.0/);
  assert.match(await asked("search", "repo-web", "--versions"), /\n1\.1\.0 +[^]*\n1\.0\.0 /);
  assert.match(await asked("show", "chart", "repo-web", "--version", "~1.0"), /version: 1\.0\.0\n/);
  assert.equal(await asked("pull", "repo-web", "-d", folder), `${join(folder, "repo-web-1.1.0.tgz")}\n`);
  assert.match(await asked("install", "from-repo", "repo-web", "--version", "1.0.0"), /CHART: repo-web-1\.0\.0\n/);
  const refused = await cli(["show", "chart", "repo-web", "--repo", repository.url]);
  assert.notEqual(refused.code, 0);
  assert.doesNotMatch(refused.stderr, /a secret/);
});

test("a chart is pulled and installs again", async () => {
  const target = join(berth.charts.path, "pulled");
  assert.equal(await ok("pull", chart, "-d", target), `${join(target, "plain-1.0.0.tgz")}\n`);
  await ok("pull", chart, "-d", target, "--untar");
  assert.deepEqual((await readdir(join(target, "plain"))).sort(), [
    ".helmignore",
    "Chart.yaml",
    "README.md",
    "templates",
    "values.yaml",
  ]);
  assert.equal((await cli(["pull", chart, "-d", target, "--untar"])).code, 2);
  await ok("install", "again", join(target, "plain-1.0.0.tgz"));
  assert.equal(await valueOf("again"), "default");
});

test("--wait shows the way, in plain lines where no terminal is, and a failure ends with 1, its object and a hint", async () => {
  const app = await berth.charts.write("app", { "templates/app.yaml": DEPLOYMENT });
  const good = await cli(["install", "--wait", "good", app]);
  assert.equal(good.code, 0);
  assert.match(good.stderr, /^op-\S+ queued\n[^]*applied 1 of 1: Deployment good-app\n[^]*waiting\n/);
  assert.ok(!good.stderr.includes("\u001b") && !good.stdout.includes("\u001b"));
  const bad = await cli(["install", "bad", app, "--wait", "--timeout", "2s", "--set", "nowhere=true"]);
  assert.equal(bad.code, 1);
  assert.match(
    bad.stderr,
    /\nError: .* \(WAIT_TIMEOUT\)\n {2}object: Deployment \S+\/bad-app\n {2}reason: .*\n {2}hint: .*\n {2}operation: op-\S+\n/,
  );
  assert.doesNotMatch(bad.stderr, /\n\s+at |node:/);
  const atomic = await cli(["install", "gone", app, "--wait", "--timeout", "2s", "--set", "nowhere=true", "--atomic"]);
  assert.equal(atomic.code, 1);
  assert.equal(await ok("list", "-q", "--filter", "gone"), "");
});

test("exit codes say what kind of failure it was", async () => {
  await ok("install", "taken", chart);
  // Accepts and says nothing.
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const mute = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const cases: readonly (readonly [number, readonly string[], RegExp])[] = [
    [2, ["install", "--nonsense"], /^error: unknown option '--nonsense'/],
    [2, ["rolback"], /unknown command 'rolback'\n\(Did you mean rollback\?\)/],
    [2, ["list", "-o", "xml"], /^Error: There is no output "xml"\.\n {2}hint: One of table/],
    [2, ["list", "-o", "jsonpath={.a"], /^Error: The jsonpath is not valid/],
    [2, ["install", "Bad_Name", chart], /\(INVALID_ARGUMENT\)\n {2}field: name\n/],
    [2, ["install", "x", "./not-there"], /There is no chart at/],
    [3, ["get", "values", "nothing"], /\(RELEASE_NOT_FOUND\)/],
    [4, ["install", "taken", chart], /\(RELEASE_EXISTS\)/],
    [6, ["list", "--server", "http://127.0.0.1:1"], /\(UNREACHABLE\)/],
    [7, ["list", "--server", mute, "--request-timeout", "1"], /\(DEADLINE_EXCEEDED\)/],
  ];
  for (const [expected, args, told] of cases) {
    const { code, stderr } = await cli(args);
    assert.deepEqual([code, told.test(stderr)], [expected, true], `berth ${args.join(" ")}: ${code} ${stderr}`);
  }
  listener.close();
  const page = await readFile(join(import.meta.dirname, "../docs/cli.md"), "utf8");
  for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]) assert.match(page, new RegExp(`^\\| ${code} +\\|`, "m"));
});

test("Ctrl-C stops following, not the operation; watch and cancel find it again", async () => {
  const app = await berth.charts.write("endless", { "templates/app.yaml": DEPLOYMENT });
  const args = ["install", "endless", app, "--wait", "--set", "nowhere=true"];
  const left = await cli(args, { onOutput: (text, kill) => text.includes("waiting") && kill("SIGINT") });
  assert.equal(left.code, 130);
  const id = /berth operations watch\|cancel (op-\S+)/.exec(left.stderr)?.[1] ?? "";
  assert.equal(await ok("operations", "get", id, "-o", "jsonpath={.state}"), "OPERATION_STATE_RUNNING");
  const [watched, cancelled] = await Promise.all([cli(["operations", "watch", id]), cli(["operations", "cancel", id])]);
  assert.deepEqual([watched.code, cancelled.code], [1, 0]);
  assert.match(watched.stderr, /\(CANCELLED\)/);
  assert.match(cancelled.stdout, / cancelled /);
});

test("a test shows its hooks and ends with what they say", async () => {
  const tested = await berth.charts.write("tested", { "templates/test.yaml": hookJob("t", "test", false) });
  await ok("install", "tested", tested);
  const { code, stdout, stderr } = await cli(["test", "tested"]);
  assert.deepEqual([code, /TESTS: succeeded/.test(stdout), /hook tested-t \(test\)/.test(stderr)], [0, true, true]);
});

test("a service is exposed, seen, watched and hidden again", async () => {
  const app = await berth.charts.write("served", { "templates/svc.yaml": SERVICE });
  await ok("install", "served", app);
  const pool = `cli-${berth.namespace}`;
  const ip = `10.${String(randomInt(256))}.${String(randomInt(256))}.9`;
  const made = await berth.request("POST", "/v1/clusters/local/pools", {
    ...{ name: pool, driver: "DRIVER_CONFIGMAP", ports: { from: 31_000, to: 31_010 }, rest_seconds: 0 },
    ...{ simulated: true, all_namespaces: true },
  });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  const address = { name: `${pool}-a`, address: ip, configmap: { namespace: berth.namespace, tcp: "tcp" } };
  assert.equal((await berth.request("POST", `/v1/clusters/local/pools/${pool}/addresses`, address)).status, 200);
  const exposed = await ok("expose", "service", "served-svc", "--port", "80", "--pool", pool, "--wait");
  assert.match(exposed, /served-svc +80 +tcp +10\.\d+\.\d+\.9:310\d\d +ready\n/);
  const name = /\n(\S+)/.exec(exposed)?.[1] ?? "";
  assert.match(await ok("exposures", "list", "--pool", pool), new RegExp(`\\n${name} `));
  assert.match(await ok("pools", "get", pool), /configmap +31000-31010 +1 +1 [^]*10\.\d+\.\d+\.9 +1 /);
  const watched = cli(["exposures", "list", "-w", "--pool", pool], {
    onOutput: (text, kill) => text.includes("DELETED") && kill("SIGINT"),
  });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(await ok("exposures", "delete", name), `exposure "${name}" deleted\n`);
  assert.match((await watched).stdout, /^CHANGE +NAME [^]*\nADDED +[^]*\nDELETED +/);
  const reserved = await ok("expose", "reserve", "--pool", pool, "-o", "jsonpath={.id}");
  assert.match(await ok("expose", "unreserve", reserved), /given back/);
  await berth.request("DELETE", `/v1/clusters/local/pools/${pool}`);
});

test("contexts stand in the place of XDG, and what is not valid there is said", async () => {
  const home = join(berth.charts.path, "xdg");
  const env = { BERTH_CLI_CONFIG: "", BERTH_SERVER: "", XDG_CONFIG_HOME: home };
  const run = (...args: readonly string[]) => runCli(berth, args, { env });
  assert.equal(
    (await run("config", "set-context", "here", "--server", berth.url, "--namespace", berth.namespace)).code,
    0,
  );
  assert.match((await run("config", "get-contexts")).stdout, /\n\* +here +http/);
  assert.equal((await run("config", "current-context")).stdout, "here\n");
  assert.equal((await run("install", "by-context", chart)).code, 0);
  assert.notEqual(await valueOf("by-context"), undefined);
  assert.match(
    (await run("list", "--context", "elsewhere")).stderr,
    /There is no context "elsewhere"\.\n {2}hint: There are: here\./,
  );
  await mkdir(join(home, "berth"), { recursive: true });
  await writeFile(join(home, "berth", "config.yaml"), "contexts: {a: {sever: x}}\n");
  const wrong = await run("list");
  assert.deepEqual([wrong.code, wrong.stderr.includes('"a" has no field "sever"')], [2, true]);
});
