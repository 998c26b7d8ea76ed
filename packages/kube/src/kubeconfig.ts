import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { BerthError } from "@berth/base";
import { parse } from "yaml";
import { z } from "zod";

import type { ClusterConnection } from "./connection.ts";

const text = z.string().optional();
const clusterSchema = z.object({
  server: z.string().min(1),
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": text,
  "proxy-url": text,
});
const userSchema = z.object({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  exec: z.unknown().optional(),
  "auth-provider": z.unknown().optional(),
  username: text,
});
const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: clusterSchema })).default([]),
  users: z.array(z.object({ name: z.string(), user: userSchema.nullish() })).default([]),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().default("") }) }))
    .default([]),
  "current-context": z.string().default(""),
});

/**
 * Reads a kubeconfig file. An empty `context` means its current one. Refused
 * with INVALID_ARGUMENT: a file that is none, an unknown context, and
 * credentials that would run a foreign program (exec, auth-provider).
 */
export async function loadKubeconfig(file: string, context = ""): Promise<ClusterConnection> {
  const config = parseKubeconfig(await readText(file, "kubeconfig"));
  const name = context === "" ? config["current-context"] : context;
  const chosen = config.contexts.find((entry) => entry.name === name)?.context;
  const cluster = config.clusters.find((entry) => entry.name === chosen?.cluster)?.cluster;
  if (chosen === undefined || cluster === undefined) {
    const names = config.contexts.map((entry) => entry.name).join(", ");
    throw invalid(`The kubeconfig has no usable context "${name}".`, `Its contexts: ${names === "" ? "none" : names}.`);
  }
  const user = config.users.find((entry) => entry.name === chosen.user)?.user ?? {};
  if (user.exec !== undefined || user["auth-provider"] !== undefined || user.username !== undefined) {
    throw invalid(
      `Berth does not run programs for credentials, as user "${chosen.user}" of the kubeconfig asks.`,
      "Use a client certificate or a token, for example of a ServiceAccount.",
    );
  }
  const either = (data: string | undefined, path: string | undefined, what: string) =>
    readData(data, path === undefined ? undefined : resolve(dirname(file), path), what);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    certificateAuthority: await either(
      cluster["certificate-authority-data"],
      cluster["certificate-authority"],
      "certificate-authority",
    ),
    clientCertificate: await either(user["client-certificate-data"], user["client-certificate"], "client-certificate"),
    clientKey: await either(user["client-key-data"], user["client-key"], "client-key"),
    token: user.token ?? (await either(undefined, user.tokenFile, "tokenFile"))?.trim(),
    tlsServerName: cluster["tls-server-name"],
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"],
    proxyUrl: cluster["proxy-url"],
  };
}

function parseKubeconfig(content: string): z.infer<typeof kubeconfigSchema> {
  try {
    return kubeconfigSchema.parse(parse(content));
  } catch (error) {
    throw invalid("The kubeconfig cannot be read.", "Check it with `kubectl config view`.", error);
  }
}

async function readData(data: string | undefined, path: string | undefined, what: string): Promise<string | undefined> {
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  return path === undefined ? undefined : readText(path, what);
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw invalid(`The file of ${what} cannot be read.`, "Check that it exists and may be read.", error);
  }
}

function invalid(message: string, hint: string, cause?: unknown): BerthError {
  return new BerthError("INVALID_ARGUMENT", message, { field: "kubeconfig", hint, cause });
}
