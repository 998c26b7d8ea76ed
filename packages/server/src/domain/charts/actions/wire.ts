import { BerthError, isErrorCode } from "@berth/base";
import type { engine as wire } from "@berth/contract";
import type { EgressPolicy } from "@berth/engine-client";

import type { ChartOrigin, ResolvedChart } from "../resolve.ts";
import type { ChartVersion } from "../types.ts";

/** The chart as the engine is told of it. */
export function toChart({ source, digest, access, trust, provenance }: ResolvedChart, egress: EgressPolicy) {
  return {
    ...{ source: toSource(source), digest, egress, access: toAccess(access) },
    keyring: new Uint8Array(trust.keyring),
    cosignKeys: new Uint8Array(trust.cosignKeys),
    provenance: new Uint8Array(provenance),
  };
}

function toSource(source: ChartOrigin) {
  switch (source.kind) {
    case "path":
      return { case: "path" as const, value: source.path };
    case "archive":
      return { case: "archive" as const, value: source.archive };
    case "repository": {
      const { url, name, version, refresh } = source;
      return { case: "repository" as const, value: { url, name, version, refresh } };
    }
    case "oci": {
      const { reference, version } = source;
      return { case: "oci" as const, value: { reference, version } };
    }
    case "url":
      return { case: "url" as const, value: source.url };
  }
}

/** How a source is reached, as the engine is told of it. */
export function toAccess(access: ResolvedChart["access"]) {
  return {
    username: access.username,
    password: access.password,
    bearerToken: access.bearerToken ?? "",
    certificateAuthority: toBytes(access.certificateAuthority),
    clientCertificate: toBytes(access.clientCertificate),
    clientKey: toBytes(access.clientKey),
    insecureSkipTlsVerify: access.insecureSkipTlsVerify ?? false,
    passCredentials: access.passCredentials ?? false,
    plainHttp: access.plainHttp ?? false,
  };
}

function toBytes(text: string | undefined): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text ?? "");
}

/** A version as the engine tells it. */
export function toVersion({ version, appVersion, created, deprecated, digest, kubeVersion }: wire.ChartVersion): ChartVersion {
  const at = created === undefined ? undefined : new Date(Number(created.seconds) * 1000 + created.nanos / 1e6);
  return { version, appVersion, created: at, deprecated, digest, kubeVersion };
}

/** The engine's error as ours; undefined where there is none. */
export function toError(error: wire.ActionError | undefined): BerthError | undefined {
  if (error === undefined) return undefined;
  return new BerthError(isErrorCode(error.code) ? error.code : "INTERNAL", error.message, {
    field: error.field === "" ? undefined : error.field,
    details: error.details,
  });
}

/** Throws what an answer carries as its error. */
export function refuse(error: wire.ActionError | undefined): void {
  const ours = toError(error);
  if (ours !== undefined) throw ours;
}
