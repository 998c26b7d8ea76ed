import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parse } from "yaml";

import { adminApi } from "./cluster/api.ts";
import { startCluster } from "./cluster/start.ts";
import type { ClusterOptions, DevCluster } from "./cluster/start.ts";
import { ensureToolchain } from "./toolchain/ensure.ts";

/** A namespace of the test run's shared cluster, for one test file. */
export interface TestNamespace extends AsyncDisposable {
  readonly kubeconfig: string;
  readonly namespace: string;
}

/** Makes a namespace in the cluster `npm test` started; it goes with its scope. */
export async function testNamespace(): Promise<TestNamespace> {
  const kubeconfig = process.env.BERTH_TEST_CLUSTER;
  if (kubeconfig === undefined) throw new Error("There is no cluster to test on: run the tests by `npm test`.");
  const api = await apiOf(kubeconfig);
  const namespace = `t-${randomBytes(5).toString("hex")}`;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  const { status } = await api.send("POST", "/api/v1/namespaces", body);
  if (status !== 201) throw new Error(`The namespace ${namespace} was refused (${status}).`);
  return {
    kubeconfig,
    namespace,
    async [Symbol.asyncDispose]() {
      await api.send("DELETE", `/api/v1/namespaces/${namespace}`);
      api.close();
    },
  };
}

/** Starts a cluster for one test that breaks things; it goes with its scope, data and all. */
export async function ownTestCluster(
  options: Partial<Pick<ClusterOptions, "nodes" | "onFailure" | "durable" | "real" | "internet">> = {},
): Promise<DevCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), "berth-cluster-"));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const cluster = await startCluster({ dataDir, toolchain: await ensureToolchain(), durable: false, ...options });
    const stop = async () => {
      await cluster.stop();
      await remove();
    };
    return { ...cluster, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface OwnKubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } },
  ];
}

async function apiOf(kubeconfig: string) {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as OwnKubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const decode = (text: string) => Buffer.from(text, "base64").toString();
  return adminApi(cluster.server, {
    ca: decode(cluster["certificate-authority-data"]),
    cert: decode(user["client-certificate-data"]),
    key: decode(user["client-key-data"]),
  });
}
