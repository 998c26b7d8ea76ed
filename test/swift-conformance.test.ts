import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { parseDocument, stringify } from "yaml";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { helm } from "./support/helm.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";

/** One request of an old client, and the whole reply that it gets. */
interface Case {
  /** METHOD /path below /tiller/v2 */
  readonly request: string;
  readonly body?: unknown;
  readonly reply?: Reply;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

const FILE = join(import.meta.dirname, "conformance/swift.yaml");

let files: ChartDirectory;
let repository: TestRepository;
let berth: TestBerth;

before(async () => {
  files = await makeChartDirectory();
  const templates = {
    "templates/config.yaml": CONFIG_MAP,
    "templates/service.yaml": SERVICE,
    "templates/NOTES.txt": "Hello {{ .Release.Name }}",
    "values.yaml": "value: none\n",
    "README.md": "# zetcd",
  };
  for (const version of ["0.1.0", "0.2.0"]) {
    const chart = await files.write("zetcd", templates, `version: ${version}\nappVersion: "3"\nkeywords: [etcd]`);
    await helm(process.env["BERTH_TEST_CLUSTER"] ?? "", "package", chart, "-d", files.path);
  }
  await helm(process.env["BERTH_TEST_CLUSTER"] ?? "", "repo", "index", files.path);
  repository = await startRepository(files.path);
  berth = await startTestBerth({ config: { repositories: { stable: { url: repository.url } } } });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

test("old clients get the replies that were recorded", async () => {
  const text = await readFile(FILE, "utf8");
  const cases = parseDocument(text).toJS() as Case[];
  const seen: Case[] = [];
  for (const { reply: _, ...one } of cases) seen.push({ ...one, reply: await send(one) });
  if (process.env["BERTH_RECORD"] === "true") {
    const comment = text.split("\n").filter((line) => line.startsWith("#"));
    await writeFile(FILE, `${comment.join("\n")}\n${stringify(seen, { lineWidth: 0 })}`);
  }
  for (const [at, { request, reply }] of seen.entries()) {
    assert.notEqual(cases[at]?.reply, undefined, `${request} is recorded`);
    assert.deepEqual(reply, cases[at]?.reply, request);
  }
});

/** As curl sends it, whose `-d` calls every body a form. */
async function send({ request, body }: Case): Promise<Reply> {
  const [method = "", path = ""] = request.replace("NAMESPACE", berth.namespace).split(" ");
  const answer = await fetch(`${berth.url}/tiller/v2${path}`, {
    method,
    ...(body === undefined
      ? {}
      : {
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: JSON.stringify(body).replaceAll("NAMESPACE", berth.namespace),
        }),
  });
  const text = (await answer.text())
    .replaceAll(berth.namespace, "NAMESPACE")
    .replaceAll(repository.url, "REPOSITORY")
    .replace(/sha256:[0-9a-f]{64}/g, "DIGEST")
    .replace(/op-[a-z0-9]{20,}/g, "OPERATION")
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"TIME"')
    .replace(/"sem_ver":"[^"]+"/, '"sem_ver":"VERSION"');
  const type = answer.headers.get("content-type") ?? "";
  return { status: answer.status, type, body: JSON.parse(text) as unknown };
}
