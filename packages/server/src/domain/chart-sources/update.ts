import { BerthError } from "@berth/base";
import { updateObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { newSecretName, storeCredentials } from "./create.ts";
import { formatDuration } from "./duration.ts";
import { dropSecret, referenceTo, rewriteSource } from "./objects.ts";
import { API_VERSION, KIND, toSpec } from "./resource.ts";
import type { SourceObject, StoredSpec } from "./resource.ts";
import type { SourceSettings, UpdateSource } from "./types.ts";

/** Replaces what is asked of a source. New credentials are a new Secret; the old one goes once nobody names it. */
export function updateSource(client: KubeClient, command: UpdateSource): Promise<SourceObject> {
  const { target, settings, credentials, clearCredentials, dryRun } = command;
  return rewriteSource(client, command, async (current) => {
    const known = current.spec.secretRef?.name ?? "";
    const isKept = credentials === undefined && !clearCredentials;
    if (isKept && known !== "") refuseToExpose(current.spec, settings);
    const secretName = credentials === undefined ? (isKept ? known : "") : newSecretName(target.name);
    const { status: _status, ...rest } = current;
    const body = {
      ...rest,
      apiVersion: API_VERSION,
      kind: KIND,
      spec: toSpec(settings, formatDuration(settings.refreshIntervalMs), secretName),
    };
    if (dryRun) return updateObject<SourceObject>(client, referenceTo(target), body, { dryRun });
    if (credentials !== undefined) await storeCredentials(client, current, secretName, credentials);
    const stored = await updateObject<SourceObject>(client, referenceTo(target), body).catch(async (error: unknown) => {
      if (credentials !== undefined) await dropSecret(client, current, secretName);
      throw error;
    });
    if (known !== "" && !isKept) await dropSecret(client, current, known);
    return stored;
  });
}

/** Who may change a source may not thereby see what it is shown: elsewhere, or in the open, it gets new credentials. */
function refuseToExpose(current: StoredSpec, next: SourceSettings): void {
  const isElsewhere = originOf(current.url) !== originOf(next.url);
  const isLaxer = (["insecureSkipTlsVerify", "passCredentials", "plainHttp"] as const).some(
    (flag) => next[flag] && current[flag] !== true,
  );
  if (!isElsewhere && !isLaxer) return;
  throw new BerthError("INVALID_ARGUMENT", "The stored credentials would be shown to somebody else by this change.", {
    field: "credentials",
    hint: "Give the credentials with it, or clear_credentials.",
  });
}

function originOf(text: string): string {
  const { protocol = "", host = "" } = URL.parse(text) ?? {};
  return `${protocol}//${host}`;
}
