import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { createProgram } from "@berth/cli";

import { REFUSED_COMMANDS, REFUSED_OPTIONS } from "../packages/cli/src/helm/refused.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE, hookJob } from "./support/charts.ts";
import { callCli } from "./support/cli.ts";
import type { CliOptions } from "./support/cli.ts";
import { helm } from "./support/helm.ts";

let berth: TestBerth;
let chart: string;
/** The same with a definition, which is rendered and shown, never applied. */
let defined: string;

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.helm-fingers.example.com }
`;

before(async () => {
  berth = await startTestBerth();
  const files = {
    "templates/config.yaml": CONFIG_MAP,
    "templates/svc.yaml": SERVICE,
    "templates/secret.yaml":
      'apiVersion: v1\nkind: Secret\nmetadata: {name: "{{ .Release.Name }}-hidden"}\nstringData: {a: not-for-eyes}\n',
    "templates/NOTES.txt": "Be welcome.",
    "templates/tests/a.yaml": hookJob("a", "test", false),
    "templates/tests/b.yaml": hookJob("b", "test", false),
    "values.yaml": "value: default\ndeep: {er: [1, 2]}\n",
  };
  chart = await berth.charts.write("fingers", files);
  defined = await berth.charts.write("defined", { ...files, "crds/things.yaml": DEFINITION });
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

type Program = ReturnType<typeof createProgram>;

const silent = { isTerminal: false, write: () => undefined };
const program = createProgram({
  io: {
    env: {},
    home: "/",
    stdout: silent,
    stderr: silent,
    readStdin: () => Promise.resolve(Buffer.of()),
    signal: AbortSignal.abort(),
  },
  exit: () => undefined,
});

/** Helm's commands by what they are called here. */
const VERBS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["install", "upgrade", "rollback", "uninstall", "list", "status", "history", "test", "template", "pull"].map(
      (one) => [one, one],
    ),
  ),
  ...Object.fromEntries(
    ["values", "manifest", "notes", "hooks", "metadata", "all"].map((one) => [`get ${one}`, `get ${one}`]),
  ),
  ...Object.fromEntries(["chart", "values", "readme", "crds", "all"].map((one) => [`show ${one}`, `show ${one}`])),
  "search repo": "search",
  "search hub": "search",
};

function commandOf(path: string): Program {
  return path.split(" ").reduce((command, word) => {
    const inner = command.commands.find((one) => one.name() === word);
    assert.ok(inner, path);
    return inner;
  }, program);
}

interface HelmOption {
  readonly short: string | undefined;
  readonly long: string;
  readonly takesValue: boolean;
}

async function helpOf(verb: string): Promise<string> {
  return (await promisify(execFile)(process.env["BERTH_HELM"] ?? "helm", ["help", ...verb.split(" ")])).stdout;
}

async function optionsOf(verb: string): Promise<HelmOption[]> {
  const stdout = await helpOf(verb);
  const pattern = /^ +(?:(-\w), |)(--[\w-]+)(?: (\S+))? {2,}\S/gm;
  return [...stdout.slice(stdout.indexOf("\nFlags:")).matchAll(pattern)].map(([, short, long = "", type]) => {
    // A value behind a = alone is one that may be left out.
    return { short, long, takesValue: type !== undefined && !type.includes("[=") };
  });
}

test("each option of each of Helm's commands is one here, in the same form, or is refused with a hint", async () => {
  const page = await readFile(join(import.meta.dirname, "../docs/cli.md"), "utf8");
  const known: string[] = [];
  for (const [verb, path] of Object.entries(VERBS)) {
    const { options } = commandOf(path);
    const found = await optionsOf(verb);
    assert.ok(found.length > 15, `helm help ${verb}`);
    for (const { short, long, takesValue } of found) {
      if (long === "--help") continue;
      const own = options.find((one) => one.long === long);
      if (own === undefined) {
        assert.notEqual(REFUSED_OPTIONS[long] ?? "", "", `helm ${verb} ${long}`);
        continue;
      }
      known.push(long);
      if (short !== undefined) assert.equal(own.short, short, `helm ${verb} ${long}`);
      // A switch of Helm's in an install, a word in the other writes: both are understood.
      if (long === "--server-side") continue;
      assert.equal(own.required, takesValue, `helm ${verb} ${long}`);
    }
  }
  assert.ok(new Set(known).size > 60);
  for (const word of [...Object.keys(REFUSED_OPTIONS), ...Object.keys(REFUSED_COMMANDS)]) {
    assert.ok(page.includes(`\`${word}\``), `docs/cli.md says why there is no ${word}`);
  }
});

test("each of Helm's commands goes by its other names, too, or says what to do instead", async () => {
  const commands = [...(await helpOf("")).matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name = ""]) => name);
  assert.ok(commands.length > 20);
  for (const name of commands) {
    if (name === "help" || Object.hasOwn(REFUSED_COMMANDS, name)) continue;
    const command = commandOf(name);
    const [, aliases = name] = /\nAliases:\n +(.+)\n/.exec(await helpOf(name)) ?? [];
    const known = [command.name(), ...command.aliases()];
    for (const alias of aliases.split(", ")) assert.ok(known.includes(alias), `helm ${alias}`);
  }
});

test("what there is none of is refused, and says what to do instead", async () => {
  for (const [line, hint] of [
    ["install x y --post-renderer z", /Berth runs no foreign program/],
    ["--kube-context prod list", /name one with --cluster/],
    ["upgrade x y --password secret", /--password-stdin/],
    ["repo add stable https://charts.example.com", /berth sources create/],
    ["search hub nginx", /Artifact Hub is not asked/],
  ] as const) {
    const { code, stderr } = await cli(line.split(" "));
    assert.deepEqual([code, hint.test(stderr)], [2, true], `${line}: ${stderr}`);
  }
});

test("options stand where Helm's may, and switches may have =true and =false", async () => {
  const { namespace } = berth;
  const run = (...args: string[]) => callCli(berth, args);
  assert.equal(
    (await run("-n", namespace, "install", "forms", chart, "--wait=false", "--server-side", "--set=value=x")).code,
    0,
  );
  const upgraded = ["upgrade", "--install=true", "forms", chart, "--dry-run=none", "--force-conflicts=false"];
  assert.match((await run("--namespace", namespace, ...upgraded)).stdout, /REVISION: 2\n/);
  assert.match((await run("get", "-n", namespace, "values", "forms", "-a")).stdout, /^deep:/);
  assert.match(
    await ok("install", "-g", chart, "--description", "made"),
    /^NAME: fingers-\d+\n[^]*DESCRIPTION: made\n/,
  );
  assert.match((await run("help", "get", "values")).stdout, /^Usage: berth get values/);
  const labelled = ["upgrade", "forms", chart, "-l", "team=a,tier=b", "--history-max", "0"];
  await ok(...labelled);
  await ok("upgrade", "forms", chart, "--labels", "tier=null");
  assert.equal(await ok("get", "metadata", "forms", "-o", "jsonpath={.labels}"), '{"team":"a"}');
});

test("list sorts, filters and cuts as Helm's does", async () => {
  for (const name of ["list-c", "list-a", "list-b"]) await ok("install", name, chart, "--hide-notes");
  const names = async (...args: string[]) => (await ok("list", "-f", "^list-[abc]$", "-q", ...args)).trim().split("\n");
  assert.deepEqual(await names(), ["list-a", "list-b", "list-c"]);
  assert.deepEqual(await names("-d"), ["list-c", "list-a", "list-b"]);
  assert.deepEqual(await names("-r", "--max", "1", "--offset", "1"), ["list-b"]);
  assert.deepEqual(await names("--pending", "--failed"), [""]);
  assert.deepEqual(await names("--deployed", "-m", "2"), ["list-a", "list-b"]);
  assert.deepEqual(JSON.parse(await ok("list", "-q", "-o", "json", "-f", "list-a")), ["list-a"]);
  assert.match(await ok("list", "--no-headers", "-f", "list-a"), /^list-a /);
  assert.match((await cli(["list", "-f", "("])).stderr, /"\(" is no regular expression/);
  const theirs = (await helm(berth.kubeconfig, "list", "-n", berth.namespace, "-q", "-f", "^list-[ab]")).trim();
  assert.deepEqual(theirs.split("\n"), await names("-f", "^list-[ab]"));
});

test("a watched list shows what comes, changes and goes", async () => {
  const watched = cli(["list", "-w", "-f", "^seen$"], {
    onOutput: (text, kill) => text.startsWith("DELETED") && kill("SIGINT"),
  });
  const operations = cli(["operations", "list", "-w", "--release", "seen", "--verb", "uninstall", "-o", "json"], {
    onOutput: (text, kill) => text.includes("SUCCEEDED") && kill("SIGINT"),
  });
  await ok("install", "seen", chart);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await ok("upgrade", "seen", chart, "--set", "value=new");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await ok("uninstall", "seen");
  const { code, stdout } = await watched;
  assert.deepEqual([code, /^CHANGE +NAME [^]*\nADDED? +seen |^CHANGE[^]*\nADDED/.test(stdout)], [0, true], stdout);
  assert.match(stdout, /\nMODIFIED +seen +\S+ +2 +[^]*\nDELETED +seen /);
  assert.match((await operations).stdout, /"verb": "VERB_UNINSTALL"/);
});

test("templates are chosen, written to files, and have their definitions and tests or not", async () => {
  const only = await ok(
    "template",
    "one",
    defined,
    "-s",
    "templates/conf*.yaml",
    "--set-file",
    `value=${join(chart, "Chart.yaml")},x.y=${join(chart, "values.yaml")}`,
  );
  assert.match(only, /^---\n# Source: defined\/templates\/config\.yaml\n/);
  assert.doesNotMatch(only, /kind: Service/);
  assert.match(
    (await cli(["template", defined, "-s", "templates/none.yaml"])).stderr,
    /renders nothing from templates\/none\.yaml/,
  );
  const all = await ok("template", "one", defined, "--include-crds");
  assert.match(
    all,
    /^---\n.*\nkind: CustomResourceDefinition[^]*kind: ConfigMap[^]*# Source: defined\/templates\/tests\/a\.yaml/,
  );
  assert.doesNotMatch(await ok("template", "one", defined, "--skip-tests"), /tests\/a\.yaml/);
  const folder = join(berth.charts.path, "rendered");
  const wrote = await ok("template", "one", defined, "--output-dir", folder, "--release-name", "--skip-tests");
  assert.match(wrote, new RegExp(`^wrote ${folder}/one/defined/templates/config.yaml$`, "m"));
  assert.match(await readFile(join(folder, "one/defined/templates/svc.yaml"), "utf8"), /kind: Service/);
  // What Helm itself renders is the same, document by document.
  const theirs = await berth.helm("template", "one", defined, "--skip-tests", "--include-crds");
  const kinds = (text: string) => [...text.matchAll(/^kind: (\w+)/gm)].map(([, kind]) => kind).sort();
  assert.deepEqual(kinds(await ok("template", "one", defined, "--skip-tests", "--include-crds")), kinds(theirs));
});

test("charts are shown with their definitions, and pulled into a folder", async () => {
  assert.match(await ok("show", "crds", defined), /^---\napiVersion: apiextensions\.k8s\.io\/v1\n/);
  assert.match(await ok("show", "all", defined), /name: defined[^]*value: default[^]*kind: CustomResourceDefinition/);
  assert.equal(await ok("show", "values", defined, "--jsonpath", "{.deep.er[1]}"), "2");
  const target = join(berth.charts.path, "fetched");
  const both = await ok("pull", chart, defined, "-d", target);
  assert.equal(both, `${join(target, "fingers-1.0.0.tgz")}\n${join(target, "defined-1.0.0.tgz")}\n`);
  assert.equal(
    await ok("fetch", defined, "-d", target, "--untar", "--untardir", "in"),
    `${join(target, "in/defined")}\n`,
  );
});

test("notes and Secrets are hidden where asked", async () => {
  const dry = await ok("install", "quiet", chart, "--dry-run", "--hide-secret", "--hide-notes");
  assert.match(dry, /# HIDDEN: The Secret output has been suppressed/);
  assert.doesNotMatch(dry, /not-for-eyes|Be welcome/);
  assert.match(await ok("install", "loud", chart), /NOTES:\nBe welcome\./);
  assert.doesNotMatch(await ok("upgrade", "loud", chart, "--hide-notes"), /Be welcome/);
});

test("tests are chosen by their names, or all but some", async () => {
  await ok("install", "tested", chart);
  const run = async (...args: string[]) => {
    const { stderr } = await cli(["test", "tested", "--logs", ...args]);
    return ["a", "b"].filter((one) => stderr.includes(`hook tested-${one} (test)`));
  };
  assert.deepEqual(await run("--filter", "name=tested-a"), ["a"]);
  assert.deepEqual(await run("--filter", "!name=tested-a"), ["b"]);
  const none = await cli(["test", "tested", "--filter", "!name=tested-a,!name=tested-b"]);
  assert.match(none.stderr, /The filter leaves no test/);
});

test("values come from several files, divided by commas, and outputs are those of -o", async () => {
  const folder = join(berth.charts.path, "values");
  await mkdir(folder);
  await writeFile(join(folder, "a.yaml"), "value: a\nboth: 1\n");
  await writeFile(join(folder, "b.yaml"), "value: b\n");
  await ok("install", "valued", chart, "-f", `${join(folder, "a.yaml")},${join(folder, "b.yaml")}`);
  assert.equal(await ok("get", "values", "valued"), "both: 1\nvalue: b\n");
  assert.match(await ok("get", "metadata", "valued", "-o", "yaml"), /^cluster: local\n[^]*\n {2}name: fingers\n/);
  assert.equal((JSON.parse(await ok("get", "metadata", "valued", "-o", "json")) as { name: string }).name, "valued");
  assert.ok((await cli(["get", "values", "none", "--color", "always"])).stderr.startsWith("\u001b[31mError:"));
  assert.ok(!(await cli(["get", "values", "none", "--color=never"])).stderr.includes("\u001b"));
});
