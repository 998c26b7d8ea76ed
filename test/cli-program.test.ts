import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { linesOf } from "./support/guide.ts";

const repository = join(import.meta.dirname, "..");
const run = promisify(execFile);

let berth: TestBerth;
let folder: string;

before(async () => {
  berth = await startTestBerth();
  folder = await mkdtemp(join(tmpdir(), "berth-cli-"));
  // The one file, on the path as users have it, with nothing of the clone beside it.
  await run(process.execPath, ["tools/cli/main.ts", "--file", join(folder, "berth")], { cwd: repository });
  await symlink(process.execPath, join(folder, "node"));
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Runs a script of a shell with `berth` on its path. */
async function shell(script: string, program = "bash", args = ["-c"]): Promise<string> {
  const env = { HOME: folder, PATH: `${folder}:${process.env.PATH ?? ""}`, BERTH_SERVER: berth.url };
  const { stdout } = await run(program, [...args, script], { cwd: repository, env, timeout: 100_000 });
  return stdout;
}

/** The shell lines of a page's section, at this test's Berth and namespace. */
async function typed(page: string, section: string): Promise<string> {
  return (await linesOf(page, section))
    .replaceAll("http://127.0.0.1:4000", berth.url)
    .replace("--namespace default", "");
}

test("the lines of docs/cli.md and of README.md work with the one file", async () => {
  const contexts = await typed("docs/cli.md", "Contexts");
  const namespace = `berth config set-context --current --namespace ${berth.namespace}`;
  const listed = await shell(`set -e\n${contexts}\n${namespace}`);
  assert.match(listed, /\n\* +staging +http:\/\/127\.0\.0\.1:\d+ +local +default\n/);
  const first = await shell(`set -e\n${await typed("docs/cli.md", "First steps")}`);
  assert.match(
    first,
    /STATUS: deployed\nREVISION: 1\n[^]*\+replicas: 2\n[^]*"replicas": 3[^]*\nfirst\tdeployed\n[^]*uninstalled\n$/,
  );
  const nouns = (await typed("docs/cli.md", "Pools and chart sources"))
    .replaceAll("docs-edge", `docs-${berth.namespace}`)
    .replace("192.0.2.1", `10.${String(randomInt(256))}.${String(randomInt(256))}.1`)
    .replaceAll(" default", ` ${berth.namespace}`)
    .replace("--simulated", "--simulated --rest 0s");
  // A port is free once its exposure has gone.
  const patient = nouns.replace(
    /^berth addresses delete.*$/m,
    (line) => `until ${line} 2>/dev/null; do sleep 0.2; done`,
  );
  assert.match(
    await shell(`set -e\nPASSWORD=x\n${patient}`),
    /\nEXPOSED: edged at 10\.\d+\.\d+\.1:200\d\d\n[^]*pool "\S+" deleted\n[^]*\nsource "stable" deleted\n$/,
  );
  const readme = await shell(
    `set -e\n${(await typed("README.md", "The command line")).replaceAll("npm run cli --", "berth")}`,
  );
  assert.match(readme, /STATUS: deployed[^]*\nhello +/);
});

test("each shell completes commands, options, and names that Berth knows", async () => {
  const chart = await berth.charts.write("named", { "templates/config.yaml": CONFIG_MAP });
  await shell(`berth install completed-name ${chart} -n ${berth.namespace}`);
  const lines: readonly (readonly [readonly string[], RegExp])[] = [
    [["ro"], /^rollback\tmake a new revision/],
    [["get", "va"], /^values\t/],
    [["list", "--all"], /^--all-namespaces\t/],
    [["list", "-o", "js"], /^json\t\njsonpath=\t\n$/],
    [["upgrade", "-n", berth.namespace, "compl"], /^completed-name\tname\n$/],
    [["completion", ""], /^bash\t\nzsh\t\nfish\t\n$/],
  ];
  for (const [words, expected] of lines) {
    assert.match(await shell(`berth __complete -- ${words.map((word) => `'${word}'`).join(" ")}`), expected);
  }
  const bash = await shell(`
    source <(berth completion bash)
    COMP_WORDS=(berth status -n ${berth.namespace} compl) COMP_CWORD=4
    _berth
    echo "\${COMPREPLY[@]}"`);
  assert.equal(bash, "completed-name\n");
  const line = `berth status -n ${berth.namespace} compl`;
  if (spawnSync("fish", ["--version"]).status === 0) {
    const fish = await shell(`berth completion fish | source; complete -C '${line}'`, "fish");
    assert.equal(fish, "completed-name\tname\n");
  }
  if (spawnSync("zsh", ["--version"]).status === 0)
    assert.match(await pressTab(line), /berth status -n \S+ completed-name/);
});

/** Types a line into a real zsh with its completions, presses Tab, and gives what the terminal shows. */
async function pressTab(line: string): Promise<string> {
  const start =
    "autoload -Uz compinit; compinit -u -D; source <(berth completion zsh); PS1=ready-; unsetopt zle_bracketed_paste";
  return shell(
    `zmodload zsh/zpty
    zpty shell "TERM=vt100 zsh -f -i"
    zpty -w shell ${quote(start)}
    zpty -r shell seen '*ready-' || exit 1
    zpty -w -n shell ${quote(line)}$'\\t'
    for _ in {1..100}; do
      while zpty -r -t shell text; do seen+=$text; done
      [[ $seen == *completed-name* ]] && break
      sleep 0.2
    done
    print -rn -- $seen`,
    "zsh",
    ["-fc"],
  );
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

test("output that nobody reads any more is no error, and NO_COLOR keeps colours away", async () => {
  assert.match(await shell("set -o pipefail; berth --help | head -1"), /^Usage: berth/);
  // script(1) gives it a terminal.
  if (spawnSync("script", ["--version"]).status !== 0) return;
  const onTerminal = (env: string) => shell(`script -qec "env ${env} berth get values nothing" /dev/null || true`);
  assert.ok((await onTerminal("A=b")).includes("\u001b[31mError:"));
  assert.match(await onTerminal("NO_COLOR=1"), /^Error:/);
  const live = await shell(`script -qec "berth install live examples/hello --wait -n ${berth.namespace}" /dev/null`);
  // Each piece of news begins the line anew, and the last of it is taken away.
  assert.ok(live.includes("\r\u001b[2K\u001b[2mwaiting\u001b[22m\r\u001b[2KNAME: live"), JSON.stringify(live));
});

test("clients without the files learn the API by reflection, as docs/sdk.md says", async () => {
  const lines = (await typed("docs/sdk.md", "Other languages")).replaceAll("127.0.0.1:4000", new URL(berth.url).host);
  const told = await shell(`set -e\nPATH=node_modules/.bin:$PATH\n${lines}`);
  assert.match(told, /^berth\.v1\.ReleaseService\/InstallRelease$[^]*\{\}|"releases"/m);
});

test("buf makes a client of the proto files, as docs/sdk.md says", async () => {
  const text = await readFile(join(repository, "docs/sdk.md"), "utf8");
  const template = /```yaml\n(.*?)```/s.exec(text)?.[1] ?? "";
  // The generator of this clone instead of those that stand in the registry of buf, which is not reached from everywhere.
  const plugins = `plugins:\n  - local: protoc-gen-es\n    out: ${join(folder, "gen")}\n`;
  await writeFile(join(folder, "buf.gen.yaml"), template.replace(/plugins:[^]*/, plugins));
  await shell(`PATH=node_modules/.bin:$PATH buf generate --template ${join(folder, "buf.gen.yaml")}`);
  assert.match(await readFile(join(folder, "gen/berth/v1/release_service_pb.js"), "utf8"), /ReleaseService/);
});
