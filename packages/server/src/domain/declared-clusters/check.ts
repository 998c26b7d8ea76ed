import { BerthError } from "@berth/base";
import { readKubeconfig } from "@berth/kube";

import type { ClusterCredentials, ClusterSettings } from "./types.ts";

/** Refuses credentials that cannot be right with INVALID_ARGUMENT, which names the field. */
export async function checkCredentials(
  settings: ClusterSettings,
  credentials: ClusterCredentials | undefined,
): Promise<void> {
  if (credentials === undefined) return;
  const {
    kubeconfig = "",
    token = "",
    certificateAuthority = "",
    clientCertificate = "",
    clientKey = "",
  } = credentials;
  const rest = [token, certificateAuthority, clientCertificate, clientKey];
  if (settings.inCluster) throw invalid("credentials", "The cluster that Berth is a pod of needs none.");
  if (kubeconfig !== "") {
    if (rest.some((text) => text !== "")) throw invalid("credentials.kubeconfig", "A kubeconfig holds all it needs.");
    if (settings.server !== "") throw invalid("server", "The kubeconfig names the server itself.");
    await readKubeconfig(kubeconfig, settings.context).catch((error: unknown) => {
      const { message, hint } = error as BerthError;
      throw new BerthError("INVALID_ARGUMENT", message, { field: "credentials.kubeconfig", hint, cause: error });
    });
    return;
  }
  if (settings.server === "") throw invalid("server", "Without a kubeconfig the server has to be named.");
  if (settings.context !== "") throw invalid("context", "A context is one of a kubeconfig, and there is none.");
  if ((clientCertificate === "") !== (clientKey === "")) {
    const missing = clientKey === "" ? "client_key" : "client_certificate";
    throw invalid(`credentials.${missing}`, "A client certificate and its key go together.");
  }
  if (token === "" && clientCertificate === "") {
    throw invalid("credentials", "There is neither a kubeconfig, nor a token, nor a client certificate in them.");
  }
}

function invalid(field: string, message: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", message, { field, hint: "docs/clusters.md says what a cluster needs." });
}
