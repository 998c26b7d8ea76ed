import { readdir, readFile } from "node:fs/promises";

import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import { parse } from "yaml";

import type { KubeClient } from "./client.ts";
import { isConflict } from "./errors.ts";
import type { KubeObject, ObjectReference } from "./object.ts";
import { applyObject, createObject, getObject } from "./requests.ts";

const directory = new URL("../crds/", import.meta.url);
const resource = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };
const namespaces = { group: "", version: "v1", plural: "namespaces" };
/** How long the API server may take to serve a new definition, in milliseconds. */
const ESTABLISH = 30_000;

/** A CustomResourceDefinition. */
export interface Definition extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The definitions of Berth's own kinds, and their text as YAML. */
export async function readDefinitions(): Promise<readonly { definition: Definition; text: string }[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(".yaml")).sort();
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, directory), "utf8")));
  return texts.map((text) => ({ definition: parse(text) as Definition, text }));
}

/** Names of those definitions that a cluster does not serve. */
export async function missingDefinitions(client: KubeClient): Promise<readonly string[]> {
  const names = (await readDefinitions()).map(({ definition }) => definition.metadata.name);
  const found = await Promise.all(names.map((name) => getObject<Definition>(client, referenceTo(name))));
  return names.filter((_, index) => !isEstablished(found[index]));
}

/** Applies the definitions and resolves once the API server serves them; any number of callers at once. */
export async function applyDefinitions(client: KubeClient, clock: Clock): Promise<void> {
  const options = { fieldManager: "berth", force: true };
  for (const { definition } of await readDefinitions()) {
    await applyObject(client, referenceTo(definition.metadata.name), definition, options);
  }
  for (let waited = 0; (await missingDefinitions(client)).length > 0; waited += 100) {
    if (waited > ESTABLISH) {
      throw new BerthError("CLUSTER_UNREACHABLE", "The API server does not serve Berth's definitions.");
    }
    await clock.sleep(100);
  }
}

/** Makes a namespace where there is none. */
export async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await createObject(client, { resource: namespaces }, body).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

function referenceTo(name: string): ObjectReference {
  return { resource, name };
}

function isEstablished(definition: Definition | undefined): boolean {
  return (
    definition?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true
  );
}
