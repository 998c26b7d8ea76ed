import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE } from "./support/charts.ts";
import { makeController } from "./support/controllers.ts";
import { eventually, stored } from "./support/exposures.ts";
import { assertShown, readGuide, typeLines } from "./support/guide.ts";
import type { GuideStep } from "./support/guide.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";

let charts: TestBerth;
let folder: string;
let repository: TestRepository;

before(async () => {
  // Its folder, and a helm that packs.
  charts = await startTestBerth();
  folder = await mkdtemp(join(charts.charts.path, "repository-"));
  const files = { "templates/config.yaml": CONFIG_MAP };
  const all = { sampleapp: files, "nginx-ingress": { ...files, "templates/svc.yaml": SERVICE } };
  for (const [name, content] of Object.entries({
    ...all,
    rabbitmq: all["nginx-ingress"],
    zetcd: all["nginx-ingress"],
  })) {
    await charts.helm("package", await charts.charts.write(name, content), "-d", folder);
  }
  repository = await startRepository(folder);
  await charts.helm("repo", "index", folder, "--url", repository.url);
});
after(async () => {
  await repository[Symbol.asyncDispose]();
  await charts[Symbol.asyncDispose]();
});

/** Types each step of a guide, in its order, and compares what it shows. */
async function follow(
  page: string,
  places: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
) {
  const here = (text: string) => Object.entries(places).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const steps = await readGuide(page);
  for (const { heading, lines, reply } of steps) {
    const step: GuideStep = { heading, lines: here(lines), reply: reply === undefined ? undefined : here(reply) };
    const printed = await typeLines(step.lines, env);
    if (step.reply !== undefined) assertShown(step, printed);
  }
  return steps;
}

test("docs/migrate-from-autom8s.md: each old request is answered as the guide shows", async () => {
  const ingress = `lb-${randomBytes(4).toString("hex")}`;
  const ip = `10.${String(randomInt(256))}.${String(randomInt(256))}.10`;
  await using berth = await startTestBerth({
    config: { repositories: { stable: { url: repository.url } } },
    environment: { LoadBalancerNamespace: ingress, IngressLabel: "iot", PORT_MIN: "20000", PORT_MAX: "20049" },
  });
  const { kube, namespace } = berth;
  const make = (path: string, body: object) =>
    kube.request({ method: "POST", path: `/api/v1/namespaces${path}`, body });
  const configMap = (name: string, data: object, labels = {}) => {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data };
  };
  // What was there before: a release of helm's, a rule of Autom8s', and what Helm 2 has left.
  await berth.helm("install", "old-web", join(folder, "nginx-ingress-1.0.0.tgz"));
  await make("", { apiVersion: "v1", kind: "Namespace", metadata: { name: ingress } });
  await make(`/${ingress}/configmaps`, configMap("edge-tcp", { "20001": `${namespace}/old-web-svc:80` }));
  await make(`/${namespace}/configmaps`, configMap("legacy-config", { value: "kept" }, { heritage: "Tiller" }));
  // It stays, as the pool does that it is one of: others on this cluster may be given its ports.
  await makeController(berth, { namespace: ingress, release: "edge", name: `${ingress}-edge`, ip });
  const address = `${ingress}-edge`;
  await eventually(
    "the controller's ports are known",
    async () => ((await stored(kube, `portclaims/${address}.tcp.20001`)) === undefined ? undefined : true),
    60_000,
  );
  const uid = async () => (await berth.object<Meta>("api/v1/namespaces/{ns}/configmaps/legacy-config"))?.metadata.uid;
  const before = await uid();

  const steps = await follow("docs/migrate-from-autom8s.md", {
    "http://127.0.0.1:4000": berth.url,
    "namespaces/default": `namespaces/${namespace}`,
    '\\"default\\"': `\\"${namespace}\\"`,
    "https://charts.example.com/private": repository.url,
    "192.0.2.10": ip,
    "ingress-edge": address,
  });
  assert.ok(steps.filter(({ reply }) => reply !== undefined).length >= 14);
  assert.equal(await uid(), before, "what Helm 2 has made is taken over, not made anew");
  assert.equal((await berth.helmJson<{ name: string }[]>("list", "--filter", "legacy")).length, 1);
  // The way back: Autom8s finds what is set in the form that it knows.
  const rules = await kube.request<{ data: Record<string, string> }>({
    path: `/api/v1/namespaces/${ingress}/configmaps/edge-tcp`,
  });
  assert.deepEqual(Object.values(rules.data), [`${namespace}/mynginx1-svc:80`]);
});

interface Meta {
  readonly metadata: { readonly uid: string };
}

test("docs/migrate-from-swift.md: each old request is answered as the guide shows", async () => {
  await using berth = await startTestBerth({ config: { repositories: { stable: { url: repository.url } } } });
  const { kube, namespace } = berth;
  const metadata = { name: "legacy-config", labels: { heritage: "Tiller" } };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: "kept" } };
  await kube.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/configmaps`, body });
  const steps = await follow(
    "docs/migrate-from-swift.md",
    {
      "http://127.0.0.1:4000": berth.url,
      "127.0.0.1:4000": new URL(berth.url).host,
      "namespaces/tiller": `namespaces/${namespace}`,
      "namespace=tiller": `namespace=${namespace}`,
      '"namespace":"tiller"': `"namespace":"${namespace}"`,
      '"namespace": "tiller"': `"namespace": "${namespace}"`,
    },
    { PATH: `${join(import.meta.dirname, "../node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
  );
  assert.equal(steps.filter(({ reply }) => reply !== undefined).length, 14);
});

test("docs/migrate-from-tiller-per-namespace.md: a pipeline's step needs no kubeconfig", async () => {
  await using berth = await startTestBerth();
  const bin = await mkdtemp(join(berth.charts.path, "bin-"));
  const program = join(import.meta.dirname, "../packages/cli/src/main.ts");
  await writeFile(join(bin, "berth"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: bin, BERTH_SERVER: berth.url, BUILD: "7" };
  const [step] = await readGuide("docs/migrate-from-tiller-per-namespace.md");
  const printed = await typeLines((step?.lines ?? "").replaceAll("-n team", `-n ${berth.namespace}`), env);
  assert.match(printed, /REVISION: 1\n[^]*READY: true\n[^]*\+ +replicas: 3\n[^]*release "web" uninstalled\n/);
  const shown = ["diff", "install", "web", "examples/hello", "--take-ownership", "-n", berth.namespace];
  assert.match(await typeLines(`berth ${shown.join(" ")}`, env), /plan token/);
});
