import { dirname, resolve } from "node:path";

import type { ClusterConnection } from "./connection.ts";
import { parseKubeconfig, refuse } from "./kubeconfig-schema.ts";
import type { ChosenContext } from "./kubeconfig-schema.ts";
import { readTextFile } from "./text-file.ts";

/**
 * Reads a kubeconfig file and the files it refers to. An empty `context` means
 * its current one. Refused with INVALID_ARGUMENT: a file that is none, an
 * unknown context, and whatever `readKubeconfig` refuses.
 */
export async function loadKubeconfig(file: string, context = ""): Promise<ClusterConnection> {
  return connect(parseKubeconfig(await readTextFile(file, "kubeconfig"), context), dirname(resolve(file)));
}

/**
 * Reads a kubeconfig's text, which must hold all it needs: a text that came from
 * elsewhere (a Secret, a request) must not name files of this machine. Refused
 * with INVALID_ARGUMENT: also credentials that would run a foreign program
 * (exec, auth-provider), user and password, and impersonation.
 */
export async function readKubeconfig(text: string, context = ""): Promise<ClusterConnection> {
  return connect(parseKubeconfig(text, context), undefined);
}

async function connect(chosen: ChosenContext, directory: string | undefined): Promise<ClusterConnection> {
  refuseForeignCredentials(chosen);
  const { cluster, user } = chosen;
  const path = (file: string, what: string): string => {
    if (directory !== undefined) return resolve(directory, file);
    throw refuse(`The kubeconfig names a file for ${what}.`, `Give its content as ${what}-data, or a token.`);
  };
  const either = async (data: string | undefined, file: string | undefined, what: string) => {
    if (data !== undefined && data !== "") return Buffer.from(data, "base64").toString("utf8");
    return file === undefined || file === "" ? undefined : readTextFile(path(file, what), what);
  };
  const ca = "certificate-authority";
  const tokenFile = user.tokenFile === undefined ? undefined : path(user.tokenFile, "token");
  return {
    server: cluster.server.replace(/\/+$/, ""),
    certificateAuthority: await either(cluster[`${ca}-data`], cluster[ca], ca),
    clientCertificate: await either(user["client-certificate-data"], user["client-certificate"], "client-certificate"),
    clientKey: await either(user["client-key-data"], user["client-key"], "client-key"),
    token: tokenFile === undefined ? user.token : (await readTextFile(tokenFile, "token")).trim(),
    tokenFile,
    tlsServerName: cluster["tls-server-name"],
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"],
    proxyUrl: cluster["proxy-url"],
  };
}

function refuseForeignCredentials({ user, userName }: ChosenContext): void {
  const hint = "Use a client certificate or a token, for example of a ServiceAccount.";
  if (isGiven(user.exec) || isGiven(user["auth-provider"])) {
    throw refuse(`Berth does not run programs for credentials, as user "${userName}" of the kubeconfig asks.`, hint);
  }
  if (user.username !== undefined) throw refuse("Kubernetes knows no user and password any more.", hint);
  // Ignored, it would make Berth act with more rights than the file grants.
  if (user.as !== undefined || user["as-uid"] !== undefined || isGiven(user["as-groups"])) {
    throw refuse(`User "${userName}" of the kubeconfig impersonates somebody.`, hint);
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
