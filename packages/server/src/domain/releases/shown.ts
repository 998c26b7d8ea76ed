import { BerthError } from "@berth/base";

import { impersonationOf } from "../access/index.ts";
import type { Access, Principal } from "../access/index.ts";
import type { ReleaseTarget } from "../command.ts";
import { redactedYaml, redactValues } from "./redact.ts";
import { readSecrets } from "./redact-manifest.ts";
import type { ManifestSecrets } from "./redact-manifest.ts";
import type { Hook, RevisionContent } from "./types.ts";

/*
 * Values may carry passwords, and so do the Secrets of a manifest: they are shown
 * to those alone who may read Secrets in the namespace. Whom Berth acts for as
 * itself sees all.
 */

/** A revision as the caller may see it; beside an older one, with what has changed. */
export async function showContent(
  access: Access,
  principal: Principal,
  target: ReleaseTarget,
  content: RevisionContent,
  older?: RevisionContent,
): Promise<RevisionContent> {
  if (impersonationOf(principal) === undefined) return content;
  const [manifest, before] = [readSecrets(content.manifest), older && readSecrets(older.manifest)];
  const hooks = content.hooks.map((hook) => ({ hook, secrets: readSecrets(hook.manifest) }));
  const all = [manifest, ...hooks.map(({ secrets }) => secrets)];
  const isShown = await shownNamespaces(access, principal, target, all);
  return {
    ...content,
    ...(isShown("") ? {} : redactAllValues(content, older)),
    manifest: manifest.redact(isShown, before),
    hooks: hooks.map(({ hook, secrets }) => ({ ...hook, manifest: secrets.redact(isShown) })),
    redacted: {
      values: !isShown(""),
      manifest: all.some(({ namespaces }) => [...namespaces].some((one) => !isShown(one))),
    },
  };
}

/** Hooks as the caller may see them. */
export async function showHooks<H extends Pick<Hook, "manifest">>(
  access: Access,
  principal: Principal,
  target: ReleaseTarget,
  hooks: readonly H[],
): Promise<readonly H[]> {
  if (impersonationOf(principal) === undefined) return hooks;
  const read = hooks.map((hook) => ({ hook, secrets: readSecrets(hook.manifest) }));
  const all = read.map(({ secrets }) => secrets);
  const isShown = await shownNamespaces(access, principal, target, all);
  return read.map(({ hook, secrets }) => ({ ...hook, manifest: secrets.redact(isShown) }));
}

/** A manifest as the caller may see it. */
export async function showManifest(
  access: Access,
  principal: Principal,
  target: ReleaseTarget,
  manifest: string,
): Promise<string> {
  const [shown] = await showHooks(access, principal, target, [{ manifest }]);
  return shown?.manifest ?? "";
}

/** Whether the caller sees the values of a release. */
export async function seesValues(access: Access, principal: Principal, target: ReleaseTarget): Promise<boolean> {
  return sees(access, principal, target.cluster, target.namespace);
}

/** FORBIDDEN where values are needed that the caller does not see. */
export function refuseRedacted({ redacted, release }: Pick<RevisionContent, "redacted" | "release">): void {
  if (!redacted.values) return;
  throw new BerthError("FORBIDDEN", `The values of release "${release.name}" are not yours to see.`, {
    hint: `It takes the verb get on secrets in namespace "${release.namespace}".`,
  });
}

function redactAllValues(content: RevisionContent, older: RevisionContent | undefined) {
  const { values, computedValues } = content;
  return {
    values: redactValues(values, older?.values) as RevisionContent["values"],
    valuesYaml: Object.keys(values).length === 0 ? content.valuesYaml : redactedYaml(values, older?.values),
    computedValues: redactValues(computedValues, older?.computedValues) as RevisionContent["computedValues"],
    computedValuesYaml: redactedYaml(computedValues, older?.computedValues),
  };
}

/** The namespaces whose Secrets are shown; an object that says none is in the release's. */
async function shownNamespaces(
  access: Access,
  principal: Principal,
  { cluster, namespace }: ReleaseTarget,
  manifests: readonly ManifestSecrets[],
): Promise<(namespace: string) => boolean> {
  const asked = new Set([namespace, ...manifests.flatMap(({ namespaces }) => [...namespaces])]);
  asked.delete("");
  const shown = new Set<string>();
  for (const one of asked) if (await sees(access, principal, cluster, one)) shown.add(one);
  return (one) => shown.has(one || namespace);
}

function sees(access: Access, principal: Principal, cluster: string, namespace: string): Promise<boolean> {
  return access.allows(principal, { verb: "get", group: "", resource: "secrets", cluster, namespace, name: "" });
}
