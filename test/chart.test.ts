import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { repository } from "@berth/devcluster";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";
import { parseAllDocuments } from "yaml";

import { helm } from "./support/helm.ts";

const CHART = join(repository, "charts/berth");
const NAMESPACE = "default";
const LEAST = ["image.repository=registry.local/berth", "unauthenticated.from={10.244.0.0/16}"];
const kubeconfig = process.env.BERTH_TEST_CLUSTER ?? "";

let kube: KubeClient;
before(async () => {
  kube = createKubeClient(await loadKubeconfig(kubeconfig), { log: silentLogger, clock: systemClock });
});
after(() => kube.close());

interface Rendered extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
}

async function render(...sets: readonly string[]): Promise<Rendered[]> {
  const args = sets.flatMap((set) => [set.includes("=[") || set.includes('={"') ? "--set-json" : "--set", set]);
  const text = await helm(kubeconfig, "template", "berth", CHART, "-n", NAMESPACE, ...args);
  return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
}

/** Kind and name of each, the namespace where it is not the release's. */
function namesOf(objects: readonly Rendered[]): string[] {
  const where = ({ namespace = NAMESPACE }: KubeObject["metadata"]) => (namespace === NAMESPACE ? "" : ` ${namespace}`);
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}${where(metadata)}`);
}

/** Values that render, and what is there more (+) or less (-) than with the least. */
const good: Readonly<Record<string, readonly [values: readonly string[], other: readonly string[]]>> = {
  "the least there has to be": [[], []],
  "one replica, which nothing protects from a drain": [["replicas=1"], ["-PodDisruptionBudget berth"]],
  "Gateways that Berth has for itself": [
    ['admissionPolicy.gateways=["gateways/shared"]'],
    [
      ...[
        "+ValidatingAdmissionPolicy berth.default.gateways",
        "+ValidatingAdmissionPolicyBinding berth.default.gateways",
      ],
    ],
  ],
  "no rights, no account, no CRDs, no policy of admission": [
    [
      ...["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=mine", "crds.install=false"],
      "admissionPolicy.enabled=false",
    ],
    [
      ...[
        "-ClusterRole berth.default",
        "-ClusterRoleBinding berth.default",
        "-ClusterRoleBinding berth.default.deploy",
      ],
      ...["addresses", "addresspools", "chartsources", "clusters", "exposures", "operations", "portclaims"].map(
        (plural) => `-CustomResourceDefinition ${plural}.berth.dev`,
      ),
      ...["-Role berth", "-RoleBinding berth", "-ServiceAccount berth"],
      ...["-ValidatingAdmissionPolicy berth.default.operations"],
      ...["-ValidatingAdmissionPolicyBinding berth.default.operations"],
    ],
  ],
  "a right to deploy in two namespaces": [
    ["rbac.deploy.role=edit", "rbac.deploy.namespaces={default,kube-system}"],
    [
      "+RoleBinding berth.default.deploy",
      "+RoleBinding berth.default.deploy kube-system",
      "-ClusterRoleBinding berth.default.deploy",
    ],
  ],
  "no right to deploy": [
    ["rbac.deploy.role=", "rbac.deploy.createNamespaces=false"],
    ["-ClusterRoleBinding berth.default.deploy"],
  ],
  "a policy of the network": [
    ["networkPolicy.enabled=true", 'networkPolicy.from=[{"podSelector":{"matchLabels":{"may":"call"}}}]'],
    ["+NetworkPolicy berth"],
  ],
  "TLS, and certificates that clients must show": [
    ["tls.secretName=berth-tls", "tls.clientCASecretName=clients", "tls.minVersion=1.3"],
    [],
  ],
  "a configuration of one's own in a Secret": [
    ["configSecret.name=mine", "configSecret.key=own.yaml"],
    ["-ConfigMap berth"],
  ],
  "all that pods may be told": [
    [
      ...[
        `image.digest=sha256:${"0".repeat(64)}`,
        "image.pullPolicy=Always",
        'image.pullSecrets=[{"name":"registry"}]',
      ],
      ...['env=[{"name":"GOMEMLIMIT","value":"512MiB"}]', 'volumes=[{"name":"keys","secret":{"secretName":"keys"}}]'],
      ...[
        'volumeMounts=[{"name":"keys","mountPath":"/keys"}]',
        "service.clusterService=true",
        "service.port=80",
        "service.swiftPort=9855",
      ],
      ...["service.annotations.a=b", "podAnnotations.a=b", "podLabels.a=b", "nodeSelector.type=real", "logLevel=debug"],
      ...[
        'tolerations=[{"operator":"Exists"}]',
        "priorityClassName=system-cluster-critical",
        "config.stuck.afterSeconds=5",
      ],
    ],
    [],
  ],
};

suite("values that render, into objects that the API server takes", () => {
  for (const [name, [values, other]] of Object.entries(good)) {
    test(name, async () => {
      const objects = await render(...LEAST, ...values);
      const [least, found] = [namesOf(await render(...LEAST)), namesOf(objects)];
      const more = found.filter((one) => !least.includes(one)).map((one) => `+${one}`);
      const less = least.filter((one) => !found.includes(one)).map((one) => `-${one}`);
      assert.deepEqual([...more, ...less].sort(), other);
      for (const object of objects) await accept(object);
    });
  }
});

/** Has the API server check an object: fields that it does not know are refused, nothing is stored. */
async function accept(object: Rendered): Promise<void> {
  const { kind, apiVersion, metadata } = object;
  const isOfCluster = /^(Cluster|CustomResource|ValidatingAdmission)/.test(kind);
  const plural = kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
  const where = isOfCluster ? "" : `/namespaces/${metadata.namespace ?? NAMESPACE}`;
  await kube.request({
    method: "PATCH",
    path: `/${apiVersion.includes("/") ? "apis" : "api"}/${apiVersion}${where}/${plural.toLowerCase()}/${metadata.name}`,
    query: { dryRun: "All", fieldValidation: "Strict", fieldManager: "chart-test", force: "true" },
    contentType: "application/apply-patch+yaml",
    body: object,
  });
}

/** Values that do not render, and what is said of them. */
const bad: Readonly<Record<string, readonly [values: readonly string[], said: RegExp]>> = {
  "no image": [["unauthenticated.from={10.0.0.0/8}"], /image\.repository is missing/],
  "nobody who may call": [["image.repository=a/b"], /unauthenticated\.from is empty: Berth knows no identities yet/],
  "a caller who is no network": [["image.repository=a/b", "unauthenticated.from={everybody}"], /unauthenticated/],
  "a value that does not exist": [[...LEAST, "replicaCount=3"], /additional properties 'replicaCount' not allowed/],
  "a value that does not exist, deep inside": [[...LEAST, "rbac.deploy.rol=admin"], /'rol' not allowed/],
  "the tag latest": [[...LEAST, "image.tag=latest"], /\/image\/tag/],
  "a digest that is none": [[...LEAST, "image.digest=sha256:abc"], /\/image\/digest/],
  "no replica": [[...LEAST, "replicas=0"], /\/replicas/],
  "an end before Berth's own": [[...LEAST, "terminationGracePeriodSeconds=10"], /\/terminationGracePeriodSeconds/],
  "two configurations": [[...LEAST, "config.stuck.afterSeconds=5", "configSecret.name=x"], /exclude each other/],
  "a policy of the network without peers": [[...LEAST, "networkPolicy.enabled=true"], /networkPolicy\.from is empty/],
  "certificates of clients without TLS": [[...LEAST, "tls.clientCASecretName=x"], /tls\.secretName is missing/],
  "an account that has no name": [[...LEAST, "serviceAccount.create=false"], /serviceAccount\.name is missing/],
};

suite("values that do not render", () => {
  for (const [name, [values, said]] of Object.entries(bad)) {
    test(name, () => assert.rejects(render(...values), said));
  }
});

test("with TLS the probes, the test and the notes speak it, and the files are where Berth looks", async () => {
  const plain = JSON.stringify(await render(...LEAST));
  assert.ok(!plain.includes("BERTH_TLS") && !/"scheme":"HTTPS"/.test(plain));
  const objects = await render(...LEAST, "tls.secretName=berth-tls", "tls.clientCASecretName=clients");
  const text = JSON.stringify(objects);
  assert.equal(text.match(/"scheme":"HTTPS"/g)?.length, 3);
  assert.match(text, /fetch\(\\"https:/);
  const mounts = [...text.matchAll(/"mountPath":"([^"]+)"/g)].map(([, path = ""]) => path);
  const files = [...text.matchAll(/"BERTH_TLS_\w+_FILE","value":"([^"]+)"/g)].map(([, path = ""]) => path);
  assert.equal(files.length, 3);
  for (const file of files) assert.ok(mounts.includes(dirname(file)), file);
});

test("what callers may is said when Berth is installed", async () => {
  const args = ["install", "berth", CHART, "-n", NAMESPACE, "--dry-run=client"];
  const notes = await helm(kubeconfig, ...args, ...LEAST.flatMap((set) => ["--set", set]));
  assert.match(notes, /WARNING: Berth knows no identities yet\. Whoever calls from 10\.244\.0\.0\/16/);
  assert.match(notes, /the ClusterRole "admin" in every namespace/);
});

test("the chart has Berth's version and the CRDs as Berth has them", async () => {
  const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };
  const chart = await readFile(join(CHART, "Chart.yaml"), "utf8");
  assert.match(chart, new RegExp(`^version: ${version}\nappVersion: ${version}$`, "m"));
  const definitions = (await render(...LEAST)).filter(({ kind }) => kind === "CustomResourceDefinition");
  const files = await readdir(join(repository, "packages/kube/crds"));
  assert.deepEqual(definitions.map(({ metadata }) => `${metadata.name}.yaml`).sort(), files.sort());
});
