import { clusterService as api } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";

import { BerthError } from "@berth/base";
import type { Berth } from "../../berth.ts";
import type { ClusterCredentials, ClusterSettings, DeclaredCluster } from "../../domain/declared-clusters/index.ts";
import { toGeneration } from "./generation.ts";
import type { AddHandler } from "./handler.ts";

/** What the RPCs of ClusterService do. */
export function addClusters(on: AddHandler, { clusters, principal }: Berth): void {
  const { method } = api.ClusterService;
  const { submit, view } = clusters;
  on(method.createCluster, async (request, context) => {
    const { name, secretName, validateOnly: dryRun } = request;
    const credentials = toCredentials(request);
    if (credentials === undefined && secretName === "" && !request.inCluster) {
      throw new BerthError("INVALID_ARGUMENT", "Nothing says how the cluster is reached, and as whom.", {
        field: "credentials",
        hint: "Give credentials, or the secret_name of a Secret in Berth's namespace.",
      });
    }
    const command = { verb: "create", name, settings: toSettings(request), credentials, secretName, dryRun } as const;
    return fromCluster(await submit(principal, command, context));
  });
  on(method.updateCluster, async (request, context) => {
    const { name, secretName, validateOnly: dryRun } = request;
    const command = {
      ...({ verb: "update", name, settings: toSettings(request), credentials: toCredentials(request) } as const),
      ...{ secretName, dryRun, expectedGeneration: toGeneration(request.expectedGeneration) },
    };
    return fromCluster(await submit(principal, command, context));
  });
  on(method.deleteCluster, async ({ name, expectedGeneration, validateOnly: dryRun }, context) => {
    const command = { verb: "delete", name, expectedGeneration: toGeneration(expectedGeneration), dryRun } as const;
    return fromCluster(await submit(principal, command, context));
  });
  on(method.bootstrapCluster, async (request, context) => {
    const { name, deployRole = "cluster-admin", validateOnly: dryRun } = request;
    const credentials = toCredentials({ ...request, secretName: "" }) ?? {};
    const settings = toSettings({ ...request, inCluster: false });
    const command = { verb: "bootstrap", name, settings, credentials, deployRole, dryRun } as const;
    const { manifest, cluster } = await clusters.bootstrap(principal, command, context);
    return { manifest, ...(cluster === undefined ? {} : { cluster: fromCluster(cluster) }) };
  });
  on(method.getCluster, async ({ name }) => fromCluster(await view.get(principal, name)));
  on(method.listClusters, async () => ({ clusters: (await view.list(principal)).map(fromCluster) }));
}

function toSettings(
  request: Omit<api.BootstrapClusterRequest, "$typeName"> & { readonly inCluster: boolean },
): ClusterSettings {
  const { server, context, inCluster, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces } = request;
  return { server, context, inCluster, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces };
}

function toCredentials({
  credentials: given,
  secretName,
}: Pick<api.CreateClusterRequest, "credentials" | "secretName">): ClusterCredentials | undefined {
  if (given === undefined) return undefined;
  if (secretName !== "") {
    throw new BerthError("INVALID_ARGUMENT", "Credentials and a Secret exclude each other.", { field: "secret_name" });
  }
  const { kubeconfig, token, certificateAuthority, clientCertificate, clientKey } = given;
  return { kubeconfig, token, certificateAuthority, clientCertificate, clientKey };
}

const STATES = {
  unknown: api.ClusterState.UNSPECIFIED,
  ready: api.ClusterState.READY,
  failed: api.ClusterState.FAILED,
} as const;

function fromCluster(cluster: DeclaredCluster): MessageInitShape<typeof api.ClusterSchema> {
  const { isHome: home, generation, createTime, facts, releases, sameAs, watchNamespaces, ...same } = cluster;
  const { state, latencyMs, lastContact, capabilities, ...rest } = facts;
  return {
    ...same,
    ...{ home, generation: BigInt(generation), watchNamespaces: [...watchNamespaces] },
    ...(createTime === undefined ? {} : { createTime: timestampFromDate(createTime) }),
    status: {
      ...{ ...rest, state: STATES[state], capabilities: [...capabilities], releases, sameAs: [...sameAs] },
      ...(latencyMs === undefined ? {} : { latency: durationFromMs(latencyMs) }),
      ...(lastContact === undefined ? {} : { lastContact: timestampFromDate(lastContact) }),
    },
  };
}
