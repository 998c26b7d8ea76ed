import { BerthError } from "@berth/base";

import type { Berth } from "../../berth.ts";
import type { ReleaseTarget } from "../../domain/command.ts";
import { UNNARROWED } from "../../domain/releases/index.ts";
import type { Release } from "../../domain/releases/index.ts";
import { checkNamespaceName, checkReleaseName } from "../shared/names.ts";

/** The most that one page of releases has. */
const PAGE = 500;

interface Named {
  readonly name: string;
  readonly namespace: string;
}

/** The release that a request names. Names were unique in a cluster once: without a namespace they still have to be. */
export async function findTarget(berth: Berth, { name, namespace }: Named): Promise<ReleaseTarget> {
  checkReleaseName("name", name);
  const cluster = berth.defaultCluster;
  if (namespace !== "") {
    checkNamespaceName("namespace", namespace);
    return { cluster, namespace, name };
  }
  const found = (await listAll(berth, { namespace: "", status: [], filter: name })).filter((one) => one.name === name);
  const [first, second] = found;
  if (first === undefined) throw new BerthError("RELEASE_NOT_FOUND", `There is no release "${name}" in any namespace.`);
  if (second === undefined) return { cluster, namespace: first.namespace, name };
  const namespaces = found.map((one) => one.namespace).slice(0, 10);
  throw new BerthError(
    "INVALID_ARGUMENT",
    `There is a release "${name}" in each of ${String(found.length)} namespaces.`,
    { field: "namespace", hint: `Add ?namespace= with one of ${namespaces.join(", ")}.` },
  );
}

/** Where an install goes. */
export function toNewTarget(berth: Berth, { name, namespace }: Named): ReleaseTarget {
  if (name !== "") checkReleaseName("name", name);
  if (namespace !== "") checkNamespaceName("namespace", namespace);
  return { cluster: berth.defaultCluster, namespace: namespace === "" ? berth.defaultNamespace : namespace, name };
}

/** What a whole list is narrowed by. */
export interface Narrowed {
  /** Empty: all. */
  readonly namespace: string;
  readonly status: readonly string[];
  /** Part of a name. */
  readonly filter: string;
}

/** All releases of the cluster that fit. */
export async function listAll(berth: Berth, narrowed: Narrowed): Promise<Release[]> {
  const all: Release[] = [];
  for (let pageToken = ""; ;) {
    const page = await berth.releases.list(berth.principal, {
      ...{ ...UNNARROWED, ...narrowed, cluster: berth.defaultCluster },
      ...{ pageSize: PAGE, pageToken },
    });
    all.push(...page.releases);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}
