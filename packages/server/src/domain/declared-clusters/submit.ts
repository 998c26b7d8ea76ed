import { BerthError, asBerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createObject, deleteObject, getObject, hasStatus, isNotFound, rewrite, updateObject } from "@berth/kube";
import type { KubeClient, Rewriting } from "@berth/kube";

import { audited } from "../access/index.ts";
import type { Access, AuditedContext, Principal } from "../access/index.ts";
import type { Audit } from "../audit/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ClusterCache } from "./cache.ts";
import { bootstrap } from "./bootstrap.ts";
import { checkCredentials } from "./check.ts";
import { API_VERSION, FINALIZER, KIND, declaredClusters, settingsOf, toSpec } from "./resource.ts";
import type { ClusterObject } from "./resource.ts";
import { dropSecret, newSecretName, storeCredentials } from "./secret.ts";
import type { BootstrapCluster, ClusterCommand, CreateCluster, DeleteCluster, UpdateCluster } from "./types.ts";

/** How long a deletion waits until the cluster is gone, in milliseconds. */
const DELETE_WAIT = 5_000;

/** What the gate is made of. */
export interface ClusterSubmitParts {
  readonly access: Access;
  readonly audit: Audit;
  readonly registry: ClusterRegistry;
  readonly cache: ClusterCache;
  /** Berth's own. */
  readonly namespace: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * The gate of clusters: authorises, audits, writes the object and gives it as
 * it is stored. What makes it true is the controller.
 */
export interface ClusterSubmit {
  write(principal: Principal, command: ClusterCommand, context: AuditedContext): Promise<ClusterObject>;
  /** The cluster is undefined in a dry run. */
  bootstrap(
    principal: Principal,
    command: BootstrapCluster,
    context: AuditedContext,
  ): Promise<{ readonly manifest: string; readonly cluster: ClusterObject | undefined }>;
}

/** Makes the gate. */
export function createClusterSubmit(parts: ClusterSubmitParts): ClusterSubmit {
  const toAsked = (principal: Principal, { verb, name }: { verb: string; name: string }, context: AuditedContext) => {
    const place = { cluster: name, namespace: "", name };
    return { principal, access: verb === "bootstrap" ? "create" : verb, verb, resource: "clusters", place, context };
  };
  return {
    write: (principal, command, context) =>
      audited(parts, toAsked(principal, command, context), () => write(parts, command)),
    bootstrap: (principal, command, context) =>
      audited(parts, toAsked(principal, command, context), () => bootstrapOne(parts, command)),
  };
}

async function bootstrapOne(parts: ClusterSubmitParts, command: BootstrapCluster) {
  const { name, dryRun } = command;
  refuseHome(parts, { ...command, verb: "create" });
  const { manifest, settings, credentials } = await bootstrap(command, parts);
  if (credentials === undefined) return { manifest, cluster: undefined };
  const isKnown = (await getObject(parts.registry.home.client, referenceTo(name))) !== undefined;
  const common = { name, settings, credentials, secretName: "", dryRun };
  return { manifest, cluster: await write(parts, { verb: isKnown ? "update" : "create", ...common }) };
}

async function write(parts: ClusterSubmitParts, command: ClusterCommand): Promise<ClusterObject> {
  refuseHome(parts, command);
  try {
    if (command.verb === "delete") return await remove(parts, command);
    const written = command.verb === "create" ? await create(parts, command) : await update(parts, command);
    if (!command.dryRun) await parts.cache.waitFor(written.metadata.resourceVersion ?? "0");
    return written;
  } catch (error) {
    throw explain(error, command.name);
  }
}

async function create(parts: ClusterSubmitParts, command: CreateCluster): Promise<ClusterObject> {
  const { name, settings, credentials, dryRun } = command;
  await checkCredentials(settings, credentials);
  const client = parts.registry.home.client;
  const secretName = credentials === undefined ? command.secretName : newSecretName(name);
  const body = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, ...(credentials === undefined ? {} : { finalizers: [FINALIZER] }) },
    spec: toSpec(settings, secretName),
  };
  const secret = { namespace: parts.namespace, name: secretName, cluster: name };
  // The Secret is there before anybody looks for it; refused, it goes again.
  if (credentials !== undefined && !dryRun) await storeCredentials(client, secret, credentials);
  return createObject<ClusterObject>(client, { resource: declaredClusters }, body, { dryRun }).catch(
    async (error: unknown) => {
      if (credentials !== undefined && !dryRun) await dropSecret(client, secret);
      throw error;
    },
  );
}

function update(parts: ClusterSubmitParts, command: UpdateCluster): Promise<ClusterObject> {
  const { name, settings, credentials, dryRun } = command;
  const client = parts.registry.home.client;
  return rewrite(stored(client, command), async (current) => {
    const known = current.spec.secretRef?.name ?? "";
    const isKept = credentials === undefined && command.secretName === "" && !settings.inCluster;
    if (isKept) refuseToExpose(current, command);
    await checkCredentials(settings, credentials);
    const secretName = credentials === undefined ? (isKept ? known : command.secretName) : newSecretName(name);
    const { status: _status, ...rest } = current;
    const finalizers = new Set(current.metadata.finalizers ?? []);
    if (credentials !== undefined) finalizers.add(FINALIZER);
    const body = {
      ...{ ...rest, apiVersion: API_VERSION, kind: KIND },
      metadata: { ...current.metadata, finalizers: [...finalizers] },
      spec: toSpec(settings, secretName),
    };
    const place = { namespace: parts.namespace, cluster: name };
    if (credentials !== undefined && !dryRun)
      await storeCredentials(client, { ...place, name: secretName }, credentials);
    const updated = await updateObject<ClusterObject>(client, referenceTo(name), body, { dryRun }).catch(
      async (error: unknown) => {
        if (credentials !== undefined && !dryRun) await dropSecret(client, { ...place, name: secretName });
        throw error;
      },
    );
    if (!dryRun && known !== "" && known !== secretName) await dropSecret(client, { ...place, name: known });
    return updated;
  });
}

function remove({ registry, cache }: ClusterSubmitParts, command: DeleteCluster): Promise<ClusterObject> {
  return rewrite(stored(registry.home.client, command), async (current) => {
    const { uid, resourceVersion } = current.metadata;
    const options = { uid, resourceVersion, dryRun: command.dryRun };
    await deleteObject(registry.home.client, referenceTo(command.name), options);
    // The controller takes the finalizer off; whoever asks next is told that it is gone.
    if (!command.dryRun) await cache.until(() => cache.get(command.name)?.metadata.uid !== uid, DELETE_WAIT);
    return current;
  });
}

/** A cluster that is to be rewritten. */
function stored(
  client: KubeClient,
  { name, expectedGeneration }: { readonly name: string; readonly expectedGeneration?: number | undefined },
): Rewriting<ClusterObject> {
  const read = async () => {
    const current = await getObject<ClusterObject>(client, referenceTo(name));
    if (current === undefined) throw unknownCluster(name);
    return current;
  };
  return { what: "cluster", read, expectedGeneration };
}

/** Who may change a cluster may not thereby see its credentials: another server gets new ones. */
function refuseToExpose({ spec }: ClusterObject, { settings }: UpdateCluster): void {
  const before = settingsOf(spec);
  const isElsewhere = before.server !== settings.server || before.proxyUrl !== settings.proxyUrl;
  const isLaxer = settings.insecureSkipTlsVerify && !before.insecureSkipTlsVerify;
  if (!isElsewhere && !isLaxer && before.tlsServerName === settings.tlsServerName) return;
  throw new BerthError("INVALID_ARGUMENT", "The stored credentials would be shown to somebody else by this change.", {
    field: "credentials",
    hint: "Give the credentials with it.",
  });
}

function refuseHome({ registry }: ClusterSubmitParts, { verb, name }: Pick<ClusterCommand, "verb" | "name">): void {
  if (name !== registry.home.name) return;
  if (verb === "create") throw exists(name);
  throw new BerthError("INVALID_ARGUMENT", `"${name}" is Berth's home, which its configuration names.`, {
    field: "name",
    hint: "Change the configuration and restart Berth.",
  });
}

function referenceTo(name: string) {
  return { resource: declaredClusters, name };
}

/** There is no cluster of that name. */
export function unknownCluster(name: string): BerthError {
  return new BerthError("CLUSTER_NOT_FOUND", `There is no cluster "${name}".`, { field: "name" });
}

function exists(name: string): BerthError {
  return new BerthError("CLUSTER_EXISTS", `There is a cluster "${name}" already.`, { field: "name" });
}

/** What the API server's refusal means to whoever asked. */
function explain(error: unknown, name: string): BerthError {
  const ours = asBerthError(error);
  if (ours.details.reason === "AlreadyExists") return exists(name);
  if (isNotFound(ours)) return unknownCluster(name);
  if (hasStatus(ours, 422)) return new BerthError("INVALID_ARGUMENT", ours.message, { cause: ours });
  return ours;
}
