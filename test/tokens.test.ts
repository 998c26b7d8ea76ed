import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { createKubeClient, createObject, deleteObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";

const NAMESPACE = "default";
const name = `berth-${randomBytes(5).toString("hex")}`;
const account = { resource: { group: "", version: "v1", plural: "serviceaccounts" }, namespace: NAMESPACE };
const secrets = { resource: { group: "", version: "v1", plural: "secrets" }, namespace: NAMESPACE };
const bindings = {
  resource: { group: "rbac.authorization.k8s.io", version: "v1", plural: "clusterrolebindings" },
};

const directory = await mkdtemp(join(tmpdir(), "berth-tokens-"));
const tokenFile = join(directory, "token");
const admin = await adminClient();
after(async () => {
  await deleteObject(admin, { ...bindings, name });
  await deleteObject(admin, { ...account, name });
  await admin.close();
  await rm(directory, { recursive: true });
});

async function adminClient(): Promise<KubeClient> {
  const connection = await loadKubeconfig(process.env.BERTH_TEST_CLUSTER ?? "");
  return createKubeClient(connection, { log: silentLogger, clock: systemClock });
}

/** A token of the account that is worth nothing once a Secret of its own is gone. */
async function issueToken(bound: string): Promise<string> {
  const secret = await createObject<KubeObject>(admin, secrets, {
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name: bound } },
  });
  const { uid } = secret.metadata;
  const spec = { boundObjectRef: { apiVersion: "v1", kind: "Secret", name: bound, uid } };
  const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${name}/token`;
  const { status } = await admin.request<{ status: { token: string } }>({ method: "POST", path, body: { spec } });
  return status.token;
}

/** The cluster of the tests as its account sees it, with the token in a file as pods have it. */
async function writeKubeconfig(): Promise<string> {
  const { server, certificateAuthority = "" } = await loadKubeconfig(process.env.BERTH_TEST_CLUSTER ?? "");
  const cluster = { server, "certificate-authority-data": Buffer.from(certificateAuthority).toString("base64") };
  const config = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "c" },
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { tokenFile } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  const file = join(directory, "kubeconfig");
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function isRefused(token: string): Promise<boolean> {
  const connection = await loadKubeconfig(join(directory, "kubeconfig"));
  const client = createKubeClient(
    { ...connection, token, tokenFile: undefined },
    { log: silentLogger, clock: systemClock },
  );
  try {
    await client.request({ path: `/api/v1/namespaces/${NAMESPACE}` });
    return false;
  } catch {
    return true;
  } finally {
    await client.close();
  }
}

test("a token that was rotated is used by Berth and by its engine", async () => {
  await createObject(admin, account, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } });
  await createObject(admin, bindings, {
    ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name } },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name, namespace: NAMESPACE }],
  });
  await writeFile(tokenFile, await issueToken(`${name}-1`));
  await using berth = await startTestBerth({ kubeconfig: await writeKubeconfig() });
  const chart = await berth.charts.write("small", { "templates/config.yaml": CONFIG_MAP });

  const old = await readFile(tokenFile, "utf8");
  await writeFile(tokenFile, await issueToken(`${name}-2`));
  await deleteObject(admin, { ...secrets, name: `${name}-1` });
  // The API server remembers for some seconds whom it has let in.
  for (const end = Date.now() + 30_000; !(await isRefused(old));)
    assert.ok(Date.now() < end, "the old token still works");

  const body = { name: "rotated", chart: { path: chart } };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  await deleteObject(admin, { ...secrets, name: `${name}-2` });
});
