import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { applyObject, createKubeClient, getObject } from "@berth/kube";
import type { ClusterConnection, KubeClient, KubeObject } from "@berth/kube";
import { stringify } from "yaml";

import { checkCredentials } from "./check.ts";
import { toConnection } from "./connect.ts";
import { REMOTE_NAME, REMOTE_NAMESPACE, remoteManifests } from "./manifests.ts";
import type { Manifest } from "./manifests.ts";
import { secrets } from "./secret.ts";
import type { BootstrapCluster, ClusterCredentials, ClusterSettings } from "./types.ts";

/** How long the cluster may take to make a token, in milliseconds. */
const TOKEN_WAIT = 20_000;
const LOOK = 200;

/** What Berth needs on a cluster, as YAML, and who it is there once that was made. */
export interface Bootstrapped {
  readonly manifest: string;
  readonly settings: ClusterSettings;
  /** Undefined in a dry run. */
  readonly credentials: ClusterCredentials | undefined;
}

/**
 * Makes on a cluster what Berth needs there, as whoever the credentials are,
 * which are used for this alone and stored nowhere. Again is the same.
 */
export async function bootstrap(
  { settings, credentials, deployRole, dryRun }: BootstrapCluster,
  parts: { readonly log: Logger; readonly clock: Clock },
): Promise<Bootstrapped> {
  await checkCredentials(settings, credentials);
  const manifests = await remoteManifests(deployRole);
  const manifest = manifests.map((one) => stringify(one)).join("---\n");
  const connection = await connectionTo(settings, credentials);
  const own = { ...settings, server: connection.server, context: "", tlsServerName: connection.tlsServerName ?? "" };
  const flags = {
    insecureSkipTlsVerify: connection.insecureSkipTlsVerify ?? false,
    proxyUrl: connection.proxyUrl ?? "",
  };
  const becoming = { ...own, ...flags };
  if (dryRun) return { manifest, settings: becoming, credentials: undefined };
  const client = createKubeClient(connection, parts);
  try {
    for (const one of manifests) await apply(client, one);
    const token = await tokenOf(client, parts.clock);
    const { certificateAuthority } = connection;
    return { manifest, settings: becoming, credentials: { token, certificateAuthority } };
  } finally {
    await client.close();
  }
}

function connectionTo(settings: ClusterSettings, credentials: ClusterCredentials): Promise<ClusterConnection> {
  const { server, context, proxyUrl, tlsServerName, insecureSkipTlsVerify } = settings;
  const named = {
    ...(proxyUrl === "" ? {} : { proxyUrl }),
    ...(tlsServerName === "" ? {} : { tlsServerName }),
    ...(insecureSkipTlsVerify ? { insecureSkipTlsVerify } : {}),
  };
  return toConnection({ server, context }, credentials, named);
}

/** Plurals of the kinds that are applied, by `apiVersion kind`. */
const PLURALS: Readonly<Record<string, string>> = {
  Namespace: "namespaces",
  ServiceAccount: "serviceaccounts",
  Secret: "secrets",
  ClusterRole: "clusterroles",
  ClusterRoleBinding: "clusterrolebindings",
  CustomResourceDefinition: "customresourcedefinitions",
};

async function apply(client: KubeClient, manifest: Manifest): Promise<void> {
  const [version = "", group = ""] = manifest.apiVersion.split("/").reverse();
  const { name, namespace } = manifest.metadata;
  const resource = { group, version, plural: PLURALS[manifest.kind] ?? "" };
  await applyObject(client, { resource, namespace, name }, manifest, { fieldManager: "berth", force: true });
}

/** The controller manager fills the Secret. */
async function tokenOf(client: KubeClient, clock: Clock): Promise<string> {
  const reference = { resource: secrets, namespace: REMOTE_NAMESPACE, name: `${REMOTE_NAME}-token` };
  for (let waited = 0; waited < TOKEN_WAIT; waited += LOOK) {
    const secret = await getObject<KubeObject & { readonly data?: { readonly token?: string } }>(client, reference);
    const token = Buffer.from(secret?.data?.token ?? "", "base64").toString("utf8");
    if (token !== "") return token;
    await clock.sleep(LOOK);
  }
  throw new BerthError("CLUSTER_UNREACHABLE", "The cluster makes no token for the ServiceAccount.", {
    hint: "Its controller manager has to run.",
  });
}
