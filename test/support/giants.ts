import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";

import { goEnvironment, waitUntil } from "@berth/devcluster";
import type { KubeClient } from "@berth/kube";

import type { TestBerth } from "./berth.ts";

const run = promisify(execFile);

/** Milliseconds for a module that is not in the module cache yet. */
const DOWNLOAD_LIMIT = 120_000;

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** A public chart inside the zip of a Go module. */
export interface ModuleChart {
  /** With an exact version: module@version. */
  readonly module: string;
  /** The chart's directory inside the module. */
  readonly directory: string;
  /** What a chart's `values.tmpl.yaml` leaves open; `values.yaml` is written from it. */
  readonly placeholders?: Readonly<Record<string, string>>;
}

/** An object of a release, as the status of a release names it. */
export interface ObjectReference {
  readonly api_version: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Copies a chart out of the module cache; gives its path, or why there is no such module here. */
export async function chartFromModule(
  target: string,
  chart: ModuleChart,
): Promise<{ readonly path: string } | { readonly reason: string }> {
  const module = await moduleDirectory(chart.module);
  if ("reason" in module) return module;
  await copyFiles(join(module.path, chart.directory), target);
  if (chart.placeholders !== undefined) await fillTemplate(target, chart.placeholders);
  return { path: target };
}

/** What go says about a module it downloads; nothing is fetched that the cache has. */
async function moduleDirectory(module: string): Promise<{ readonly path: string } | { readonly reason: string }> {
  const options = { cwd: tmpdir(), env: { ...goEnvironment(), GOWORK: "off" }, timeout: DOWNLOAD_LIMIT };
  try {
    const { stdout } = await run("go", ["mod", "download", "-json", module], options);
    return { path: (JSON.parse(stdout) as { Dir: string }).Dir };
  } catch (error) {
    const { stdout = "", message } = error as { stdout?: string; message: string };
    const said = stdout.startsWith("{") ? (JSON.parse(stdout) as { Error?: string }).Error : undefined;
    return { reason: `${module} cannot be downloaded: ${said ?? message}` };
  }
}

/** Content alone: in the module cache files and directories are read-only. */
async function copyFiles(source: string, target: string): Promise<void> {
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const copy = join(target, relative(source, file));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, await readFile(file));
  }
}

async function fillTemplate(chart: string, placeholders: Readonly<Record<string, string>>): Promise<void> {
  let text = await readFile(join(chart, "values.tmpl.yaml"), "utf8");
  for (const [name, value] of Object.entries(placeholders)) text = text.replaceAll(`\${${name}}`, value);
  assert.doesNotMatch(text, /\$\{/, "every placeholder of values.tmpl.yaml has a value");
  await writeFile(join(chart, "values.yaml"), text);
}

/** Reads the objects that a release's status names straight from the API server. */
export interface LiveObjects {
  /** The references without an object. */
  missing(references: readonly ObjectReference[]): Promise<ObjectReference[]>;
  /** The references whose kind lives in namespaces. */
  namespaced(references: readonly ObjectReference[]): Promise<ObjectReference[]>;
}

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Makes a reader of live objects; it asks the API server how each kind is called. */
export function liveObjects(berth: TestBerth): LiveObjects {
  const known = new Map<string, Promise<readonly ApiResource[]>>();
  const root = (version: string) => (version.includes("/") ? `apis/${version}` : `api/${version}`);
  const discover = async (version: string) =>
    (await berth.kube.request<{ resources: readonly ApiResource[] }>({ path: `/${root(version)}` })).resources;
  const resourceOf = async ({ api_version: version, kind }: ObjectReference) => {
    const resources = known.get(version) ?? discover(version);
    known.set(version, resources);
    const found = (await resources).find((resource) => resource.kind === kind && !resource.name.includes("/"));
    assert.ok(found, `the API server serves ${version} ${kind}`);
    return found;
  };
  const pathOf = async (reference: ObjectReference) => {
    const { name, namespaced } = await resourceOf(reference);
    const scope = namespaced ? `namespaces/${reference.namespace ?? ""}/` : "";
    return `${root(reference.api_version)}/${scope}${name}/${encodeURIComponent(reference.name)}`;
  };
  const isMissing = async (reference: ObjectReference) => (await berth.object(await pathOf(reference))) === undefined;
  const keep = async (
    references: readonly ObjectReference[],
    holds: (reference: ObjectReference) => Promise<boolean>,
  ) => {
    const flags = await Promise.all(references.map(holds));
    return references.filter((_, index) => flags[index]);
  };
  return {
    missing: (references) => keep(references, isMissing),
    namespaced: (references) => keep(references, async (reference) => (await resourceOf(reference)).namespaced),
  };
}

/** Bytes of a revision's record as Helm's secret holds it. */
export async function recordSize(berth: TestBerth, release: string, revision: number): Promise<number> {
  const path = `api/v1/namespaces/{ns}/secrets/sh.helm.release.v1.${release}.v${revision}`;
  const secret = await berth.object<{ data: { release: string } }>(path);
  assert.ok(secret, `revision ${revision} of ${release} is stored`);
  return Buffer.from(secret.data.release, "base64").length;
}

/** Custom resource definitions of API groups. */
async function definitions(kube: KubeClient, groups: readonly string[]): Promise<string[]> {
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const { items } = await kube.request<{ items?: { metadata: { name: string } }[] }>({ path: DEFINITIONS, accept });
  const names = (items ?? []).map(({ metadata }) => metadata.name);
  return names.filter((name) => groups.some((group) => name.endsWith(`.${group}`)));
}

/** Asks for the end of the groups' definitions: Helm leaves those of `crds/` and those that a chart says to keep. */
export async function deleteDefinitions(kube: KubeClient, groups: readonly string[]): Promise<void> {
  for (const name of await definitions(kube, groups)) {
    await kube.request({ method: "DELETE", path: `${DEFINITIONS}/${name}` });
  }
}

/**
 * The same, to their end: where a run came before on this cluster. The API server
 * takes more than a minute for one whose storage it had not made yet when it was deleted.
 */
export async function awaitNoDefinitions(kube: KubeClient, groups: readonly string[]): Promise<void> {
  await deleteDefinitions(kube, groups);
  const areGone = async () => (await definitions(kube, groups)).length === 0;
  await waitUntil("the definitions of an earlier run are gone", 150_000, areGone, 500);
}

/** As many objects of three kinds as the values say. */
const FLEET = `{{- range $kind := list "ConfigMap" "Service" "ServiceAccount" }}
{{- range $number := until (int (get $.Values.count $kind)) }}
---
apiVersion: v1
kind: {{ $kind }}
metadata:
  name: {{ $.Release.Name }}-{{ $.Chart.Name }}-{{ $number }}
  labels: { umbrella: {{ $.Release.Name }}, part: {{ $.Chart.Name }} }
{{- if eq $kind "ConfigMap" }}
data: { greeting: {{ $.Values.greeting | quote }}, number: "{{ $number }}" }
{{- else if eq $kind "Service" }}
spec: { clusterIP: None, selector: { part: {{ $.Chart.Name }} }, ports: [{ port: {{ $.Values.port }} }] }
{{- end }}
{{- end }}
{{- end }}
`;

const FLEET_VALUES = `count: { ConfigMap: 60, Service: 20, ServiceAccount: 20 }
greeting: hello
port: 80
exports: { harbour: { mooring: north } }
signal: { flag: blue }
`;

/** What the umbrella itself makes: the values a dependency exports to it. */
const IMPORTED = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-imported
  labels: { umbrella: {{ .Release.Name }}, part: umbrella }
data: { mooring: {{ .Values.mooring | quote }}, flag: {{ .Values.imported.flag | quote }} }
`;

/** One on a condition, one on a tag, two of one chart under other names, one that gives values upwards. */
const DEPENDENCIES = `version: 1.0.0
dependencies:
  - { name: fleet, version: 1.0.0, alias: east, repository: "" }
  - { name: fleet, version: 1.0.0, alias: west, repository: "" }
  - { name: docks, version: 1.0.0, condition: docks.enabled, repository: "" }
  - { name: buoys, version: 1.0.0, tags: [extras], repository: "" }
  - name: registry
    version: 1.0.0
    repository: ""
    import-values: [harbour, { child: signal, parent: imported }]`;

/** Writes a chart with five dependencies, one of them packed; 301 objects by its defaults. */
export async function writeUmbrella({ charts, helm }: TestBerth): Promise<string> {
  const fleet = { "templates/fleet.yaml": FLEET, "values.yaml": FLEET_VALUES };
  const subchart = (name: string) => ({
    [`charts/${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`,
    [`charts/${name}/values.yaml`]: FLEET_VALUES,
    [`charts/${name}/templates/fleet.yaml`]: FLEET,
  });
  const values = "docks: { enabled: false }\ntags: { extras: false }\n";
  const own = { "templates/imported.yaml": IMPORTED, "values.yaml": values };
  const subcharts = { ...subchart("fleet"), ...subchart("docks"), ...subchart("buoys") };
  const umbrella = await charts.write("umbrella", { ...own, ...subcharts }, DEPENDENCIES);
  const registry = await charts.write("registry", fleet);
  await helm("package", registry, "--destination", join(umbrella, "charts"));
  return umbrella;
}

/** Counts a part's objects of the umbrella in the cluster. */
export async function countPart(berth: TestBerth, release: string, part: string): Promise<number> {
  let count = 0;
  for (const kind of ["configmaps", "services", "serviceaccounts"]) {
    const path = `/api/v1/namespaces/${berth.namespace}/${kind}`;
    const query = { labelSelector: `umbrella=${release},part=${part}` };
    count += (await berth.kube.request<{ items: unknown[] }>({ path, query })).items.length;
  }
  return count;
}
